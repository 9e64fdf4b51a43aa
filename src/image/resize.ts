// Bilinear resampling with antialiasing, in plain integers so that every thread and page gets the same bytes.
// The arithmetic is Pillow's (and so torchvision's, for images), on which the networks we load were trained.

import { channelsOf, type Pixels } from "./pixels.ts";

/** A part of an image in its pixels, possibly fractional. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Fixed-point digits of a weight: 255 times a sum of weights still fits 32 bits. */
const precision = 22;
const half = 1 << (precision - 1);

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

  const stride = channelsOf(pixels);
  const channels = stride === 1 ? 1 : 3;
  const across = tapsOf(pixels.width, box.x, box.width, width);
  const down = tapsOf(pixels.height, box.y, box.height, height);
  // only the rows that the second pass reads
  const firstRow = down.first[0]!;
  const rows = down.first[height - 1]! + down.count[height - 1]! - firstRow;
  const source = pixels.data.subarray(firstRow * pixels.width * stride, (firstRow + rows) * pixels.width * stride);
  // a copy, for one kind of memory: the passes are half as fast on bytes that may be shared, clamped or neither
  const narrow = resizeRows(new Uint8Array(source), rows, stride, across, width, channels);
  return { width, height, data: resizeColumns(narrow, firstRow, width * channels, down, height) };
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

/** First pass: [rows, any width, stride] to [rows, width, channels]. */
function resizeRows(
  source: Uint8Array,
  rows: number,
  stride: number,
  { first, count, weights, reach }: Taps,
  width: number,
  channels: 1 | 3,
): Uint8Array {
  const target = new Uint8Array(rows * width * channels);
  const sourceRow = source.length / rows;
  for (let y = 0, to = 0; y < rows; y++)
    for (let x = 0; x < width; x++, to += channels) {
      let at = y * sourceRow + first[x]! * stride;
      let weightAt = x * reach;
      const end = weightAt + count[x]!;
      let r = half;
      let g = half;
      let b = half;
      if (channels === 1) for (; weightAt < end; weightAt++, at++) r += Math.imul(source[at]!, weights[weightAt]!);
      else
        for (; weightAt < end; weightAt++, at += stride) {
          const weight = weights[weightAt]!;
          r += Math.imul(source[at]!, weight);
          g += Math.imul(source[at + 1]!, weight);
          b += Math.imul(source[at + 2]!, weight);
        }
      target[to] = toByte(r);
      if (channels === 3) {
        target[to + 1] = toByte(g);
        target[to + 2] = toByte(b);
      }
    }
  return target;
}

/** Second pass: rows of `rowBytes` bytes, of which the first is row `firstRow` of the image, to `height` rows. */
function resizeColumns(
  source: Uint8Array,
  firstRow: number,
  rowBytes: number,
  { first, count, weights, reach }: Taps,
  height: number,
): Uint8Array {
  const target = new Uint8Array(height * rowBytes);
  const sums = new Int32Array(rowBytes);
  for (let y = 0; y < height; y++) {
    sums.fill(half);
    for (let j = 0; j < count[y]!; j++) {
      const weight = weights[y * reach + j]!;
      const row = (first[y]! - firstRow + j) * rowBytes;
      for (let i = 0; i < rowBytes; i++) sums[i]! += Math.imul(source[row + i]!, weight);
    }
    for (let i = 0; i < rowBytes; i++) target[y * rowBytes + i] = toByte(sums[i]!);
  }
  return target;
}

function toByte(sum: number): number {
  // weights are rounded, so that white may come out as 256
  return Math.min(sum >> precision, 255);
}
