// Small phrases that the gradient rules share, written in whatever opset the graph has.

import type { GraphBuilder } from "../onnx/builder.ts";
import { sizeOf } from "../tensor.ts";

export function reduceSum(b: GraphBuilder, x: string, axes: readonly number[], keepDims: boolean): string {
  return b.op("ReduceSum", [x, b.ints(axes)], { keepdims: keepDims ? 1 : 0 });
}

export function reduceMean(b: GraphBuilder, x: string, axes: readonly number[], keepDims: boolean): string {
  const keepdims = keepDims ? 1 : 0;
  // The axes became an input in opset 18.
  return b.opset >= 18
    ? b.op("ReduceMean", [x, b.ints(axes)], { keepdims })
    : b.op("ReduceMean", [x], { axes, keepdims });
}

/** Reshapes, unless the shape is already that. */
export function reshape(b: GraphBuilder, x: string, dims: readonly number[]): string {
  return sameDims(b.dims(x), dims) ? x : b.op("Reshape", [x, b.ints(dims)]);
}

export function transpose(b: GraphBuilder, x: string, perm: readonly number[]): string {
  return perm.every((p, i) => p === i) ? x : b.op("Transpose", [x], { perm });
}

/** Pads with zeros; negative amounts crop. `pads` as in ONNX: all begins, then all ends. */
export function pad(b: GraphBuilder, x: string, pads: readonly number[]): string {
  return pads.every((p) => p === 0) ? x : b.op("Pad", [x, b.ints(pads)]);
}

/** Materialises a gradient that still broadcasts to `dims`. */
export function expand(b: GraphBuilder, x: string, dims: readonly number[]): string {
  return sameDims(b.dims(x), dims) ? x : b.op("Expand", [x, b.ints(dims)]);
}

/** Sums a gradient down to the shape of an operand that was broadcast. */
export function sumTo(b: GraphBuilder, x: string, dims: readonly number[]): string {
  const from = b.dims(x);
  const lead = from.length - dims.length;
  const axes = from.flatMap((d, i) => (i < lead || (dims[i - lead] === 1 && d !== 1) ? [i] : []));
  return reshape(b, axes.length ? reduceSum(b, x, axes, true) : x, dims);
}

/**
 * 1 where `y` > 0, else 0, in one pass: HardSigmoid with an enormous slope (Sign, Where and Greater were all slower).
 */
export function positiveMask(b: GraphBuilder, y: string): string {
  return b.op("HardSigmoid", [y], { alpha: 1e30, beta: 0 });
}

export function sameDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && sizeOf(a) === sizeOf(b) && a.every((d, i) => d === b[i]);
}
