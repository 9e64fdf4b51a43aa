// Gradients of pooling.

import { intAttribute, intsAttribute } from "../../onnx/attributes.ts";
import { slidingWindow } from "../../onnx/sliding-window.ts";
import { sizeOf } from "../../tensor.ts";
import { reshape } from "../emit.ts";
import { convTranspose, fold, unfold } from "../windows.ts";
import { fullDy, type GradientRule, type GradientRules, inputDims } from "./gradient-rule.ts";

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

export const poolingGradients: GradientRules = {
  AveragePool: averagePool,
  GlobalAveragePool: globalAveragePool,
  MaxPool: maxPool,
};
