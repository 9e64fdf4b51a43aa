// Sliding windows as tensors: unfold (im2col) and its transpose fold (col2im), as convolutions with one-hot kernels.
// They serve every window that has no faster form: odd strides, groups, pooling.

import type { GraphBuilder } from "../onnx/builder.ts";
import { floatTensor } from "../onnx/proto.ts";
import type { Window } from "../onnx/sliding-window.ts";
import { pad, reshape } from "./emit.ts";

function oneHotKernel(b: GraphBuilder, kernel: readonly number[]): string {
  const [kh, kw] = [kernel[0]!, kernel[1]!];
  const name = `one_hot_${kh}x${kw}`;
  if (b.has(name)) return name;
  const taps = kh * kw;
  const eye = new Float32Array(taps * taps);
  for (let t = 0; t < taps; t++) eye[t * taps + t] = 1;
  return b.initializer(floatTensor(name, eye, [taps, 1, kh, kw]));
}

/**
 * Every window of `x` [N, C, H, W] as a column: [N*C, taps, OH, OW].
 *
 * @param padValue what lies outside the image: 0 for a convolution, a very negative number for max pooling
 */
export function unfold(b: GraphBuilder, x: string, window: Window, padValue = 0): string {
  const [n, c, h, w] = b.dims(x) as [number, number, number, number];
  let images = reshape(b, x, [n * c, 1, h, w]);
  let pads = reachingPads(window, [h, w]);
  if (padValue !== 0 && pads.some((p) => p !== 0)) {
    const [top, left, bottom, right] = pads as [number, number, number, number];
    images = b.op("Pad", [images, b.ints([0, 0, top, left, 0, 0, bottom, right]), b.scalar(padValue)]);
    pads = [0, 0, 0, 0];
  }
  const { strides, dilations } = window;
  return b.op("Conv", [images, oneHotKernel(b, window.kernel)], { strides, dilations, pads });
}

/** The window's pads, with the ends extended where a rounded-up output (ceil_mode) reaches past the image. */
function reachingPads({ pads, out, strides, kernel, dilations }: Window, size: readonly number[]): number[] {
  const ends = size.map((s, i) => {
    const reach = (out[i]! - 1) * strides[i]! + (kernel[i]! - 1) * dilations[i]! + 1 - pads[i]! - s;
    return Math.max(pads[i + size.length]!, reach);
  });
  return [...pads.slice(0, size.length), ...ends];
}

/** The transpose of {@link unfold}: adds the columns [N*C, taps, OH, OW] back into an image of shape `dims` [N, C, H, W]. */
export function fold(b: GraphBuilder, columns: string, window: Window, dims: readonly number[]): string {
  const image = convTranspose(b, columns, oneHotKernel(b, window.kernel), window, [dims[2]!, dims[3]!], 1);
  return reshape(b, image, dims);
}

/** The transpose of a convolution with that window, onto an image of `size` [H, W] (the remainder of the stride included). */
export function convTranspose(
  b: GraphBuilder,
  dy: string,
  weight: string,
  window: Window,
  size: readonly [number, number],
  group: number,
): string {
  const { strides, dilations, pads, out, kernel } = window;
  const missing = size.map(
    (s, i) => s - ((out[i]! - 1) * strides[i]! + (kernel[i]! - 1) * dilations[i]! + 1 - pads[i]! - pads[i + 2]!),
  );
  // output_padding must be smaller than the stride; more (or less: ceil_mode) is padded or cropped by hand.
  const inside = missing.map((m, i) => (m >= 0 && m < strides[i]! ? m : 0));
  const dx = b.op("ConvTranspose", [dy, weight], { strides, dilations, pads, output_padding: inside, group });
  return pad(b, dx, [0, 0, 0, 0, 0, 0, missing[0]! - inside[0]!, missing[1]! - inside[1]!]);
}
