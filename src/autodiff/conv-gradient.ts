// Gradients of Conv. The weight gradient decides the speed of training: 3x3 convolutions of stride 1, nearly all the work
// of a CIFAR ResNet, get a form with three shifts of each operand instead of nine of one (measured: a third off).

import type { GraphBuilder } from "../onnx/builder.ts";
import type { Window } from "../onnx/sliding-window.ts";
import { sizeOf } from "../tensor.ts";
import { blockedInputGradient, isBlockable } from "./blocked-conv.ts";
import { pad, reduceSum, reshape, transpose } from "./emit.ts";
import { convTranspose, unfold } from "./windows.ts";

export interface ConvShape {
  readonly window: Window;
  readonly group: number;
  /** Channels in a block of the runtime's own layout; 0: ordinary convolutions only. */
  readonly block: number;
}

/** Matrix products below about this inner length waste their time on packing; several images then share one product. */
const INNER_LENGTH = 1024;

/**
 * d loss / d input of y = Conv(x, w): [N, C, H, W].
 *
 * @param dy [N, O, OH, OW]
 * @param w [O, C / group, KH, KW]
 */
export function convInputGradient(
  b: GraphBuilder,
  dy: string,
  w: string,
  dims: readonly number[],
  conv: ConvShape,
): string {
  const { window, group, block } = conv;
  const [kh, kw] = window.kernel as [number, number];
  const back = window.pads.map((p, i) => (window.kernel[i % 2]! - 1) * window.dilations[i % 2]! - p);
  if (window.strides.some((s) => s !== 1) || back.some((p) => p < 0)) {
    return convTranspose(b, dy, w, window, [dims[2]!, dims[3]!], group);
  }
  // Stride 1: a convolution with input and output channels swapped and the taps reversed.
  if (isBlockable(block, b.dims(w), group)) {
    return blockedInputGradient(b, block, dy, w, { ...window, pads: back, out: dims.slice(2) });
  }
  const [o, cg] = b.dims(w) as [number, number, number, number];
  const taps = kh * kw;
  const flat = reshape(b, w, [group, o / group, cg, taps]);
  const reversed = Array.from({ length: taps }, (_, t) => taps - 1 - t);
  const flipped = taps === 1 ? flat : b.op("Gather", [flat, b.ints(reversed)], { axis: 3 });
  const swapped = reshape(b, transpose(b, flipped, [0, 2, 1, 3]), [group * cg, o / group, kh, kw]);
  return b.op("Conv", [dy, swapped], { kernel_shape: [kh, kw], pads: back, dilations: window.dilations, group });
}

/** d loss / d weight of y = Conv(x, w): [O, C / group, KH, KW]. */
export function convWeightGradient(
  b: GraphBuilder,
  x: string,
  dy: string,
  wDims: readonly number[],
  conv: ConvShape,
): string {
  const { window, group } = conv;
  if (group === 1 && isPlain(window, 1, 0)) return pointwiseWeightGradient(b, x, dy, wDims);
  if (group === 1 && isPlain(window, 3, 1)) return shiftedWeightGradient(b, x, dy, wDims);
  if (group > 1 && wDims[1] === 1 && wDims[0] === group) return depthwiseWeightGradient(b, x, dy, wDims, window);
  return unfoldedWeightGradient(b, x, dy, wDims, conv);
}

function isPlain(window: Window, kernel: number, padding: number): boolean {
  return (
    window.kernel.every((k) => k === kernel) &&
    window.pads.every((p) => p === padding) &&
    [...window.strides, ...window.dilations].every((s) => s === 1)
  );
}

/** How many images share one matrix product: a divisor of `images` that brings its inner length near INNER_LENGTH. */
function imagesPerProduct(images: number, pixels: number): number {
  let best = 1;
  for (let g = 1; g <= images; g++) if (images % g === 0 && g * pixels <= INNER_LENGTH) best = g;
  return best;
}

/** [N, C, P] -> [N/g, C, g*P]: the pixels of g images side by side, channel by channel. */
function gather(b: GraphBuilder, x: string, g: number): string {
  const [n, c, p] = b.dims(x) as [number, number, number];
  if (g === 1) return x;
  const split = reshape(b, x, [n / g, g, c, p]);
  return reshape(b, transpose(b, split, [0, 2, 1, 3]), [n / g, c, g * p]);
}

/** sum over images of left right^T: [M, K], [L, K] per group -> [M, L]. ORT fuses the transposition into the product. */
function productOverPixels(b: GraphBuilder, left: string, right: string): string {
  const product = b.op("MatMul", [left, b.op("Transpose", [right], { perm: [0, 2, 1] })]);
  const [groups, ...dims] = b.dims(product);
  return groups === 1 ? reshape(b, product, dims) : reduceSum(b, product, [0], false);
}

function pointwiseWeightGradient(b: GraphBuilder, x: string, dy: string, wDims: readonly number[]): string {
  const [n, c, h, w] = b.dims(x) as [number, number, number, number];
  const g = imagesPerProduct(n, h * w);
  const columns = gather(b, reshape(b, x, [n, c, h * w]), g);
  const rows = gather(b, reshape(b, dy, [n, wDims[0]!, h * w]), g);
  return reshape(b, productOverPixels(b, rows, columns), wDims);
}

/**
 * 3x3, stride 1, padding 1. With row h of x as the summation index,
 * dW[o, c, i, j] = sum over h, w of dy[o, h - i + 1, w] x[c, h, w + j - 1]:
 * the horizontal tap shifts x only, the vertical one dy only.
 */
function shiftedWeightGradient(b: GraphBuilder, x: string, dy: string, wDims: readonly number[]): string {
  const [n, c, h, w] = b.dims(x) as [number, number, number, number];
  const o = wDims[0]!;
  const pixels = h * w;
  const g = imagesPerProduct(n, pixels);

  const flatDy = reshape(b, dy, [n * o, pixels]);
  const up = pad(b, flatDy, [0, -w, 0, w]);
  const down = pad(b, flatDy, [0, w, 0, -w]);
  const rows = [up, flatDy, down].map((t) => gather(b, reshape(b, t, [n, o, pixels]), g));

  const flatX = gather(b, reshape(b, x, [n, c, pixels]), g);
  const columns = [shiftColumns(b, flatX, 1, w), flatX, shiftColumns(b, flatX, -1, w)];

  // [3 (i), O, 3 (j), C] -> [O, i, j, C] -> [O, C, i, j]: each step moves one axis, for which the runtime has fast code.
  const product = productOverPixels(b, b.op("Concat", rows, { axis: 1 }), b.op("Concat", columns, { axis: 1 }));
  const byOutput = transpose(b, reshape(b, product, [3, o, 3 * c]), [1, 0, 2]);
  return reshape(b, transpose(b, reshape(b, byOutput, [o, 9, c]), [0, 2, 1]), wDims);
}

/**
 * Shifts the columns of every image row by one, filling with zeros. x: [G, C, L], L a whole number of rows of `width`.
 * Short rows are multiplied by a shift matrix, which is exact and two to four times faster than padding them.
 */
function shiftColumns(b: GraphBuilder, x: string, by: 1 | -1, width: number): string {
  const dims = b.dims(x);
  const rows = reshape(b, x, [sizeOf(dims) / width, width]);
  const shifted = width <= 16 ? b.op("MatMul", [rows, shiftMatrix(b, width, by)]) : pad(b, rows, [0, by, 0, -by]);
  return reshape(b, shifted, dims);
}

function shiftMatrix(b: GraphBuilder, width: number, by: 1 | -1): string {
  const name = `shift_${width}_${by === 1 ? "right" : "left"}`;
  if (b.has(name)) return name;
  const matrix = new Float32Array(width * width);
  for (let from = 0; from < width; from++) {
    const to = from + by;
    if (to >= 0 && to < width) matrix[from * width + to] = 1;
  }
  return b.parameter(name, matrix, [width, width]);
}

/** One filter per channel: the sum over pixels of dy times the shifted input, tap by tap. */
function depthwiseWeightGradient(
  b: GraphBuilder,
  x: string,
  dy: string,
  wDims: readonly number[],
  window: Window,
): string {
  const [n, c] = b.dims(x) as [number, number, number, number];
  const [oh, ow] = window.out as [number, number];
  const taps = wDims[2]! * wDims[3]!;
  const columns = reshape(b, unfold(b, x, window), [n, c, taps, oh * ow]);
  const weighted = b.op("MatMul", [columns, reshape(b, dy, [n, c, oh * ow, 1])]);
  return reshape(b, reduceSum(b, weighted, [0], false), wDims);
}

/** Any window, any group: dW = dy columns^T, with the columns made by unfolding. */
function unfoldedWeightGradient(
  b: GraphBuilder,
  x: string,
  dy: string,
  wDims: readonly number[],
  conv: ConvShape,
): string {
  const { window, group } = conv;
  const [n, c] = b.dims(x) as [number, number, number, number];
  const pixels = window.out[0]! * window.out[1]!;
  const taps = wDims[2]! * wDims[3]!;
  const o = wDims[0]!;
  const g = imagesPerProduct(n, pixels);
  const columns = gather(b, reshape(b, unfold(b, x, window), [n, c * taps, pixels]), g);
  const rows = gather(b, reshape(b, dy, [n, o, pixels]), g);
  if (group === 1) return reshape(b, productOverPixels(b, rows, columns), wDims);
  const length = g * pixels;
  const left = reshape(b, rows, [n / g, group, o / group, length]);
  const right = reshape(b, columns, [n / g, group, (c / group) * taps, length]);
  const product = b.op("MatMul", [left, b.op("Transpose", [right], { perm: [0, 1, 3, 2] })]);
  return reshape(b, reduceSum(b, product, [0], false), wDims);
}
