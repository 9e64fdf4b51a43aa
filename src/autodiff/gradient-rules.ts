// All gradients in one table: from an operator to the nodes that carry a gradient from its output to its inputs.

import { SpinnError } from "../errors.ts";
import { floatAttribute, intAttribute, intsAttribute } from "../onnx/attributes.ts";
import type { GraphBuilder } from "../onnx/builder.ts";
import type { NodeProto } from "../onnx/proto.ts";
import { slidingWindow } from "../onnx/shapes.ts";
import { sizeOf } from "../tensor.ts";
import { convInputGradient, convWeightGradient } from "./conv-gradient.ts";
import { expand, pad, positiveMask, reduceSum, reshape, sameDims, sumTo, transpose } from "./emit.ts";
import { convTranspose, fold, unfold } from "./windows.ts";

/** What a rule sees of the node it differentiates. */
export interface RuleContext {
  readonly b: GraphBuilder;
  readonly node: NodeProto;
  /** Gradient of output 0 in a shape that broadcasts to the output's (global pooling leaves [N, C, 1, 1]). */
  readonly dy: string;
  /** Channels in a block of the runtime's own layout; 0: ordinary convolutions only. */
  readonly block: number;
  /** Does anything behind input `index` want its gradient? */
  needs(index: number): boolean;
}

/** One gradient for every input; undefined where none is needed or none exists. */
export type GradientRule = (c: RuleContext) => (string | undefined)[];

const inputDims = (c: RuleContext, index: number): readonly number[] => c.b.dims(c.node.input[index]!);
const fullDy = (c: RuleContext): string => expand(c.b, c.dy, c.b.dims(c.node.output[0]!));

/** dy times something of the output's shape: the broadcast comes for free. */
const timesDy =
  (factor: (c: RuleContext) => string): GradientRule =>
  (c) => [c.b.op("Mul", [c.dy, factor(c)])];

const passThrough: GradientRule = (c) => [c.dy];

const conv: GradientRule = (c) => {
  const { b, node } = c;
  const [x, w] = node.input as [string, string];
  const dims = b.dims(x);
  if (dims.length !== 4)
    throw new SpinnError("UnsupportedModel", `Node "${node.name}": only 2-D convolutions can be trained`);
  const shape = {
    window: slidingWindow(node, dims.slice(2), b.dims(w).slice(2)),
    group: intAttribute(node, "group", 1),
    block: c.block,
  };
  const dy = fullDy(c);
  return [
    c.needs(0) ? convInputGradient(b, dy, w, dims, shape) : undefined,
    c.needs(1) ? convWeightGradient(b, x, dy, b.dims(w), shape) : undefined,
    node.input[2] && c.needs(2) ? reduceSum(b, dy, [0, 2, 3], false) : undefined,
  ];
};

const gemm: GradientRule = (c) => {
  const { b, node } = c;
  const [a, w, bias] = node.input as [string, string, string | undefined];
  const dy = fullDy(c);
  const transA = intAttribute(node, "transA", 0) === 1;
  const transB = intAttribute(node, "transB", 0) === 1;
  const alpha = floatAttribute(node, "alpha", 1);
  const beta = floatAttribute(node, "beta", 1);
  const product = (l: string, tl: boolean, r: string, tr: boolean): string =>
    b.op("Gemm", [l, r], { transA: tl ? 1 : 0, transB: tr ? 1 : 0, alpha });
  const da = (): string => (transA ? product(w, transB, dy, true) : product(dy, false, w, !transB));
  const dw = (): string => (transB ? product(dy, true, a, transA) : product(a, !transA, dy, false));
  const dBias = (name: string): string => {
    const summed = sumTo(b, dy, b.dims(name));
    return beta === 1 ? summed : b.op("Mul", [summed, b.scalar(beta)]);
  };
  return [c.needs(0) ? da() : undefined, c.needs(1) ? dw() : undefined, bias && c.needs(2) ? dBias(bias) : undefined];
};

const matmul: GradientRule = (c) => {
  const { b, node } = c;
  const [l, r] = node.input as [string, string];
  if (b.dims(l).length < 2 || b.dims(r).length < 2) {
    throw new SpinnError("UnsupportedModel", `Node "${node.name}": MatMul with a vector cannot be differentiated`);
  }
  const dy = fullDy(c);
  const swap = (x: string): string => {
    const rank = b.dims(x).length;
    const perm = Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i));
    return transpose(b, x, perm);
  };
  return [
    c.needs(0) ? sumTo(b, b.op("MatMul", [dy, swap(r)]), b.dims(l)) : undefined,
    c.needs(1) ? sumTo(b, b.op("MatMul", [swap(l), dy]), b.dims(r)) : undefined,
  ];
};

const add: GradientRule = (c) =>
  c.node.input.map((_, i) => {
    if (!c.needs(i)) return undefined;
    const dims = inputDims(c, i);
    // A gradient may stay unexpanded only where no sum runs over the missing dimensions.
    return sameDims(dims, c.b.dims(c.node.output[0]!)) ? c.dy : sumTo(c.b, fullDy(c), dims);
  });

const sub: GradientRule = (c) => {
  const [da, db] = add(c);
  return [da, db && c.b.op("Neg", [db])];
};

const mul: GradientRule = (c) => {
  const { b, node } = c;
  const [l, r] = node.input as [string, string];
  const dy = fullDy(c);
  return [
    c.needs(0) ? sumTo(b, b.op("Mul", [dy, r]), b.dims(l)) : undefined,
    c.needs(1) ? sumTo(b, b.op("Mul", [dy, l]), b.dims(r)) : undefined,
  ];
};

const div: GradientRule = (c) => {
  const { b, node } = c;
  const [l, r] = node.input as [string, string];
  const dl = b.op("Div", [fullDy(c), r]);
  return [
    c.needs(0) ? sumTo(b, dl, b.dims(l)) : undefined,
    c.needs(1) ? sumTo(b, b.op("Neg", [b.op("Mul", [dl, node.output[0]!])]), b.dims(r)) : undefined,
  ];
};

const relu = timesDy((c) => positiveMask(c.b, c.node.output[0]!));

const clip: GradientRule = (c) => {
  // The gradient passes where low < x < high. Both tests are a steep HardSigmoid of (y - low) and of (high - y).
  const { b, node } = c;
  const y = node.output[0]!;
  let dx = c.dy;
  if (node.input[1]) dx = b.op("Mul", [dx, positiveMask(b, b.op("Sub", [y, node.input[1]]))]);
  if (node.input[2]) dx = b.op("Mul", [dx, positiveMask(b, b.op("Sub", [node.input[2], y]))]);
  return [dx];
};

const sigmoid = timesDy((c) => {
  const y = c.node.output[0]!;
  return c.b.op("Mul", [y, c.b.op("Sub", [c.b.scalar(1), y])]);
});

const hardSigmoid = timesDy((c) =>
  hardSigmoidSlope(c, c.node.input[0]!, floatAttribute(c.node, "alpha", 0.2), floatAttribute(c.node, "beta", 0.5)),
);

/** alpha where 0 < alpha x + beta < 1, else 0. */
function hardSigmoidSlope(c: RuleContext, x: string, alpha: number, beta: number): string {
  const { b } = c;
  const line = b.op("Add", [b.op("Mul", [x, b.scalar(alpha)]), b.scalar(beta)]);
  const inside = b.op("Mul", [positiveMask(b, line), positiveMask(b, b.op("Sub", [b.scalar(1), line]))]);
  return b.op("Mul", [inside, b.scalar(alpha)]);
}

const hardSwish = timesDy((c) => {
  const { b, node } = c;
  const x = node.input[0]!;
  const gate = b.op("HardSigmoid", [x], { alpha: 1 / 6, beta: 0.5 });
  return b.op("Add", [gate, b.op("Mul", [x, hardSigmoidSlope(c, x, 1 / 6, 0.5)])]);
});

const leakyRelu = timesDy((c) => {
  const { b, node } = c;
  const alpha = floatAttribute(node, "alpha", 0.01);
  const positive = b.op("Mul", [positiveMask(b, node.input[0]!), b.scalar(1 - alpha)]);
  return b.op("Add", [positive, b.scalar(alpha)]);
});

const tanh = timesDy((c) => {
  const y = c.node.output[0]!;
  return c.b.op("Sub", [c.b.scalar(1), c.b.op("Mul", [y, y])]);
});

const softmax: GradientRule = (c) => {
  const { b, node } = c;
  const y = node.output[0]!;
  const rank = b.dims(y).length;
  const axis = intAttribute(node, "axis", -1);
  const weighted = b.op("Mul", [c.dy, y]);
  const total = reduceSum(b, weighted, [axis < 0 ? axis + rank : axis], true);
  return [b.op("Sub", [weighted, b.op("Mul", [y, total])])];
};

const logSoftmax: GradientRule = (c) => {
  const { b, node } = c;
  const y = node.output[0]!;
  const rank = b.dims(y).length;
  const axis = intAttribute(node, "axis", -1);
  const dy = fullDy(c);
  const total = reduceSum(b, dy, [axis < 0 ? axis + rank : axis], true);
  return [b.op("Sub", [dy, b.op("Mul", [b.op("Exp", [y]), total])])];
};

const globalAveragePool: GradientRule = (c) => {
  const [, , ...spatial] = inputDims(c, 0);
  return [c.b.op("Mul", [c.dy, c.b.scalar(1 / sizeOf(spatial))])];
};

const averagePool: GradientRule = (c) => {
  const { b, node } = c;
  const [n, ch, h, w] = inputDims(c, 0) as [number, number, number, number];
  const window = slidingWindow(node, [h, w], intsAttribute(node, "kernel_shape")!);
  const [oh, ow] = window.out as [number, number];
  const padded = window.pads.some((p) => p > 0) && intAttribute(node, "count_include_pad", 0) === 0;
  const counts = windowCounts(window.out, [h, w], window, padded);
  const inverse = b.parameter(`${node.output[0]}/inverse_counts`, counts, [1, 1, oh, ow]);
  const scaled = b.op("Mul", [reshape(b, fullDy(c), [n * ch, 1, oh, ow]), inverse]);
  const name = `ones_${window.kernel.join("x")}`;
  const ones = b.has(name)
    ? name
    : b.parameter(name, new Float32Array(sizeOf(window.kernel)).fill(1), [1, 1, ...window.kernel]);
  return [reshape(b, convTranspose(b, scaled, ones, window, [h, w], 1), [n, ch, h, w])];
};

/** 1 / (number of pixels that each pooling window averages). */
function windowCounts(
  out: readonly number[],
  size: readonly [number, number],
  window: ReturnType<typeof slidingWindow>,
  exclude: boolean,
): Float32Array {
  const inside = (axis: number, at: number): number => {
    let count = 0;
    for (let k = 0; k < window.kernel[axis]!; k++) {
      const position = at * window.strides[axis]! - window.pads[axis]! + k * window.dilations[axis]!;
      if (position >= 0 && position < size[axis]!) count++;
    }
    return count;
  };
  const full = sizeOf(window.kernel);
  return Float32Array.from({ length: sizeOf(out) }, (_, i) => {
    return 1 / (exclude ? inside(0, Math.floor(i / out[1]!)) * inside(1, i % out[1]!) : full);
  });
}

const maxPool: GradientRule = (c) => {
  // onnxruntime has no gradient of MaxPool: find each window's first maximum, put dy there, add the windows up.
  const { b, node } = c;
  const dims = inputDims(c, 0) as [number, number, number, number];
  const [n, ch, h, w] = dims;
  const window = slidingWindow(node, [h, w], intsAttribute(node, "kernel_shape")!);
  const [oh, ow] = window.out as [number, number];
  const taps = sizeOf(window.kernel);
  // Far below any activation, yet finite: the one-hot convolution multiplies it by zero.
  const columns = unfold(b, node.input[0]!, window, -1e30);
  const winner = b.op("ArgMax", [columns], { axis: 1, keepdims: 1 });
  const tapNumbers = b.op("Reshape", [b.ints(Array.from({ length: taps }, (_, t) => t)), b.ints([1, taps, 1, 1])]);
  const mask = b.op("Cast", [b.op("Equal", [winner, tapNumbers])], { to: 1 });
  const spread = b.op("Mul", [mask, reshape(b, fullDy(c), [n * ch, 1, oh, ow])]);
  return [fold(b, spread, window, dims)];
};

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

const reduceMeanRule: GradientRule = (c) =>
  reduceRule(c, 1 / (sizeOf(inputDims(c, 0)) / sizeOf(c.b.dims(c.node.output[0]!))));
const reduceSumRule: GradientRule = (c) => reduceRule(c, 1);

function reduceRule(c: RuleContext, factor: number): (string | undefined)[] {
  const { b, node } = c;
  const dims = inputDims(c, 0);
  const given: readonly number[] | undefined =
    intsAttribute(node, "axes") ?? (node.input[1] ? b.type(node.input[1]).values : undefined);
  const axes = (given ?? dims.map((_, i) => i)).map((a) => (a < 0 ? a + dims.length : a));
  const kept = reshape(
    b,
    fullDy(c),
    dims.map((d, i) => (axes.includes(i) ? 1 : d)),
  );
  const scaled = factor === 1 ? kept : b.op("Mul", [kept, b.scalar(factor)]);
  return [expand(b, scaled, dims)];
}

/** BatchNormalization with fixed statistics: y is linear in x. (With batch statistics: batch-norm.ts.) */
const fixedBatchNorm: GradientRule = (c) => {
  const { b, node } = c;
  const [, gamma, , , variance] = node.input as [string, string, string, string, string];
  const rank = inputDims(c, 0).length;
  const deviation = b.op("Sqrt", [b.op("Add", [variance, b.scalar(floatAttribute(node, "epsilon", 1e-5))])]);
  const factor = b.op("Div", [gamma, deviation]);
  const perChannel = reshape(
    b,
    factor,
    Array.from({ length: rank }, (_, i) => (i === 1 ? b.dims(gamma)[0]! : 1)),
  );
  return [b.op("Mul", [c.dy, perChannel])];
};

const rules: Readonly<Record<string, GradientRule>> = {
  Add: add,
  AveragePool: averagePool,
  BatchNormalization: fixedBatchNorm,
  Clip: clip,
  Concat: concat,
  Conv: conv,
  Div: div,
  Flatten: reshapeLike,
  Gemm: gemm,
  GlobalAveragePool: globalAveragePool,
  HardSigmoid: hardSigmoid,
  HardSwish: hardSwish,
  Identity: passThrough,
  LeakyRelu: leakyRelu,
  LogSoftmax: logSoftmax,
  MatMul: matmul,
  MaxPool: maxPool,
  Mul: mul,
  Pad: padRule,
  ReduceMean: reduceMeanRule,
  ReduceSum: reduceSumRule,
  Relu: relu,
  Reshape: reshapeLike,
  Sigmoid: sigmoid,
  Slice: slice,
  Softmax: softmax,
  Squeeze: reshapeLike,
  Sub: sub,
  Tanh: tanh,
  Transpose: transposeRule,
  Unsqueeze: reshapeLike,
};

/** The operators that can stand between a trained weight and the loss. */
export const differentiableOperators: readonly string[] = Object.keys(rules);

/** @throws {SpinnError} UnsupportedModel for an operator outside the table */
export function gradientRule(node: NodeProto): GradientRule {
  const rule = node.domain ? undefined : rules[node.opType];
  if (rule) return rule;
  throw new SpinnError(
    "UnsupportedModel",
    `Operator ${node.opType} (node "${node.name || node.output[0]}") has no gradient rule`,
    {
      hint: "Train the heads only, or freeze everything before that node",
    },
  );
}
