// Gradients of what computes nothing: the gradient takes the same way back.

import { SpinnError } from "../../errors.ts";
import { intAttribute, intsAttribute } from "../../onnx/attributes.ts";
import type { GraphBuilder } from "../../onnx/builder.ts";
import { sizeOf } from "../../tensor.ts";
import { pad, reshape, transpose } from "../emit.ts";
import { fullDy, type GradientRule, type GradientRules, inputDims } from "./gradient-rule.ts";

const passThrough: GradientRule = (c) => [c.dy];

const reshapeLike: GradientRule = (c) => [reshape(c.b, fullDy(c), inputDims(c, 0))];

const transposeRule: GradientRule = (c) => {
  const rank = inputDims(c, 0).length;
  const perm = intsAttribute(c.node, "perm") ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  const inverse = perm.map((_, i) => perm.indexOf(i));
  return [transpose(c.b, fullDy(c), inverse)];
};

const concat: GradientRule = (c) => {
  const { b, node } = c;
  const rank = inputDims(c, 0).length;
  const raw = intAttribute(node, "axis", 0);
  const axis = raw < 0 ? raw + rank : raw;
  const dy = fullDy(c);
  let start = 0;
  return node.input.map((_, i) => {
    const end = start + inputDims(c, i)[axis]!;
    const part = c.needs(i) ? b.op("Slice", [dy, b.ints([start]), b.ints([end]), b.ints([axis])]) : undefined;
    start = end;
    return part;
  });
};

const padRule: GradientRule = (c) => {
  const { b, node } = c;
  const pads = intsAttribute(node, "pads") ?? b.type(node.input[1]!).values!;
  return [
    pad(
      b,
      fullDy(c),
      pads.map((p) => -p),
    ),
  ];
};

const slice: GradientRule = (c) => {
  const { b, node } = c;
  const dims = inputDims(c, 0);
  const values = (index: number): readonly number[] | undefined =>
    node.input[index] ? b.type(node.input[index]).values : undefined;
  const given = values(1)!;
  const axes = values(3) ?? given.map((_, i) => i);
  const starts = dims.map(() => 0);
  const steps = dims.map(() => 1);
  axes.forEach((rawAxis, i) => {
    const axis = rawAxis < 0 ? rawAxis + dims.length : rawAxis;
    const size = dims[axis]!;
    starts[axis] = Math.min(Math.max(given[i]! < 0 ? given[i]! + size : given[i]!, 0), size);
    steps[axis] = values(4)?.[i] ?? 1;
  });
  if (steps.some((step) => step < 1)) {
    throw new SpinnError("UnsupportedModel", `Node "${node.name}": a Slice backwards cannot be differentiated`);
  }
  const dx = spreadOut(b, fullDy(c), steps);
  const ends = b.dims(dx).map((d, i) => dims[i]! - starts[i]! - d);
  return [pad(b, dx, [...starts, ...ends])];
};

/** Puts step - 1 zeros between the rows and columns of maps: a 1x1 transposed convolution with that stride. */
function spreadOut(b: GraphBuilder, x: string, steps: readonly number[]): string {
  if (steps.every((s) => s === 1)) return x;
  const dims = b.dims(x);
  const rank = dims.length;
  if (rank < 2 || steps.slice(0, rank - 2).some((s) => s !== 1)) {
    throw new SpinnError("UnsupportedModel", `A Slice in steps of ${steps.join(", ")} cannot be differentiated`, {
      hint: "Only rows and columns of maps may be sliced in steps",
    });
  }
  const maps = reshape(b, x, [sizeOf(dims.slice(0, rank - 2)), 1, dims[rank - 2]!, dims[rank - 1]!]);
  const one = b.has("one_1x1") ? "one_1x1" : b.parameter("one_1x1", Float32Array.of(1), [1, 1, 1, 1]);
  const spread = b.op("ConvTranspose", [maps, one], { strides: steps.slice(rank - 2) });
  return reshape(b, spread, [...dims.slice(0, rank - 2), ...b.dims(spread).slice(2)]);
}

export const arrangementGradients: GradientRules = {
  Concat: concat,
  Flatten: reshapeLike,
  Identity: passThrough,
  Pad: padRule,
  Reshape: reshapeLike,
  Slice: slice,
  Squeeze: reshapeLike,
  Transpose: transposeRule,
  Unsqueeze: reshapeLike,
};
