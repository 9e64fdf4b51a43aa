// Bilinear resampling with antialiasing, in plain integers so that every thread and page gets the same bytes.
// The arithmetic is Pillow's (and so torchvision's, for images), on which the networks we load were trained.

import { channelsOf, type Pixels } from "./dataset.ts";

/** A part of an image in its pixels, possibly fractional. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Fixed-point digits of a weight: 255 times a sum of weights still fits 32 bits. */
const precision = 22;

/**
 * The part `box` of an image, `width` x `height` pixels large. Pixels around the box are drawn on where the filter
 * reaches them.
 *
 * @returns grey for grey, else RGB; `pixels` itself when there is nothing to do
 * @throws {RangeError} when the box is not inside the image
 */
export function resize(
  pixels: Pixels,
  width: number,
  height: number,
  box: Box = { x: 0, y: 0, width: pixels.width, height: pixels.height },
): Pixels {
  const fits = (start: number, size: number, limit: number) => start >= 0 && size > 0 && start + size <= limit + 1e-6;
  if (!fits(box.x, box.width, pixels.width) || !fits(box.y, box.height, pixels.height))
    throw new RangeError(`The part ${JSON.stringify(box)} is outside a ${pixels.width}x${pixels.height} image`);
  const whole = box.x === 0 && box.y === 0 && box.width === pixels.width && box.height === pixels.height;
  if (whole && width === pixels.width && height === pixels.height) return pixels;

  const from = channelsOf(pixels);
  const to = from === 1 ? 1 : 3;
  const across = tapsOf(pixels.width, box.x, box.width, width);
  const down = tapsOf(pixels.height, box.y, box.height, height);
  // only the rows that the second pass reads
  const firstRow = down.first[0]!;
  const rows = down.first[height - 1]! + down.count[height - 1]! - firstRow;

  const narrow = new Uint8Array(rows * width * to);
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < width; x++) {
      const source = ((firstRow + y) * pixels.width + across.first[x]!) * from;
      blend(pixels.data, source, from, across, x, narrow, (y * width + x) * to, to);
    }
  const data = new Uint8Array(height * width * to);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const source = ((down.first[y]! - firstRow) * width + x) * to;
      blend(narrow, source, width * to, down, y, data, (y * width + x) * to, to);
    }
  return { width, height, data };
}

/** For each output pixel the source pixels it is made of: `count` from `first` on, weights from `index * reach` on. */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
  readonly reach: number;
}

function tapsOf(limit: number, start: number, length: number, outputs: number): Taps {
  const step = length / outputs;
  // a triangle as wide as two output pixels, but never narrower than two source pixels
  const stretch = Math.max(step, 1);
  const reach = Math.ceil(stretch) * 2 + 1;
  const first = new Int32Array(outputs);
  const count = new Int32Array(outputs);
  const weights = new Int32Array(outputs * reach);
  const exact = new Float64Array(reach);
  for (let i = 0; i < outputs; i++) {
    const center = start + (i + 0.5) * step;
    const low = Math.max(Math.trunc(center - stretch + 0.5), 0);
    const high = Math.min(Math.trunc(center + stretch + 0.5), limit);
    let sum = 0;
    for (let j = low; j < high; j++) {
      const weight = Math.max(1 - Math.abs((j - center + 0.5) / stretch), 0);
      exact[j - low] = weight;
      sum += weight;
    }
    for (let j = 0; j < high - low; j++) weights[i * reach + j] = Math.trunc((exact[j]! / sum) * 2 ** precision + 0.5);
    first[i] = low;
    count[i] = high - low;
  }
  return { first, count, weights, reach };
}

function blend(
  source: Uint8Array | Uint8ClampedArray,
  at: number,
  stride: number,
  taps: Taps,
  index: number,
  target: Uint8Array,
  to: number,
  channels: number,
): void {
  const { weights, reach } = taps;
  const count = taps.count[index]!;
  for (let c = 0; c < channels; c++) {
    let sum = 1 << (precision - 1);
    for (let j = 0, from = at + c; j < count; j++, from += stride) sum += source[from]! * weights[index * reach + j]!;
    // weights are rounded, so that white may come out as 256
    target[to + c] = Math.min(sum >> precision, 255);
  }
}
