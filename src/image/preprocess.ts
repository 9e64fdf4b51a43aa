// Pixels to a network's input, in plain TypeScript: a page, a worker and the trainer compute the same floats.

import { SpinnError } from "../errors.ts";
import { channelsOf, type Pixels } from "./pixels.ts";
import type { Preprocessing } from "./preprocessing.ts";
import { resize } from "./resize.ts";
import type { View } from "./view.ts";

/** As in evaluation: nothing moved or mirrored. */
const plainView: View = { dx: 0, dy: 0, flip: false };

/** Writes the input made of one image at `offset` of `out`. */
export type Preprocessor = (pixels: Pixels, out: Float32Array, offset: number, view?: View) => void;

/**
 * One image as a network's input.
 *
 * @returns [channels, height, width]
 * @throws {SpinnError} InvalidData when the image must not be resized and has another size
 */
export function preprocess(pixels: Pixels, preprocessing: Preprocessing): Float32Array {
  const { channels, height, width } = preprocessing;
  const out = new Float32Array(channels * height * width);
  createPreprocessor(preprocessing)(pixels, out, 0);
  return out;
}

/** The same for many images: what depends on the preprocessing alone is worked out once. */
export function createPreprocessor(preprocessing: Preprocessing): Preprocessor {
  const { width, height, channels } = preprocessing;
  const table = valueTable(preprocessing);
  // one kind of memory for the inner loop, which is half as fast on bytes that may be shared, clamped or neither
  const scratch = new Uint8Array(width * height * 4);
  return (pixels, out, offset, view = plainView) => {
    const colored = channels === 1 ? toGray(pixels) : pixels;
    const fitted = view.box ? resize(colored, width, height, view.box) : toInputSize(colored, preprocessing);
    scratch.set(fitted.data);
    normalizeInto(out, offset, scratch, channelsOf(fitted), table, preprocessing, view);
  };
}

/** The value of each byte in each output channel: [channels, 256]. */
function valueTable({ channels, scale, mean, std }: Preprocessing): Float32Array {
  return Float32Array.from({ length: channels * 256 }, (_, i) => {
    const c = i >> 8;
    return ((i & 255) * scale - mean[c]!) / std[c]!;
  });
}

function toInputSize(pixels: Pixels, { width, height, resize: mode, cropRatio }: Preprocessing): Pixels {
  if (mode === "none") {
    if (pixels.width === width && pixels.height === height) return pixels;
    throw new SpinnError("InvalidData", `The image is ${pixels.width}x${pixels.height} instead of ${width}x${height}`, {
      hint: "Scale it beforehand, or choose a resize mode.",
    });
  }
  if (mode === "stretch") return resize(pixels, width, height);
  mode satisfies "center-crop";
  if (pixels.width === width && pixels.height === height) return pixels;
  const scaled = coveringSize(pixels, width / cropRatio, height / cropRatio);
  const across = pixels.width / scaled.width;
  const down = pixels.height / scaled.height;
  return resize(pixels, width, height, {
    x: roundHalfEven((scaled.width - width) / 2) * across,
    y: roundHalfEven((scaled.height - height) / 2) * down,
    width: width * across,
    height: height * down,
  });
}

/**
 * The size to which an image is scaled so that it just covers the given one. Rounding here and of the window's place
 * is torchvision's (`Resize` and `CenterCrop`), since half a pixel is seen in a network's accuracy.
 */
function coveringSize(image: { width: number; height: number }, width: number, height: number) {
  return image.width * height >= image.height * width
    ? { width: Math.trunc((image.width * Math.round(height)) / image.height), height: Math.round(height) }
    : { width: Math.round(width), height: Math.trunc((image.height * Math.round(width)) / image.width) };
}

/** As Python rounds. */
function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2) : Math.round(value);
}

/** ITU-R 601 luma, in Pillow's fixed point. */
function toGray(pixels: Pixels): Pixels {
  const channels = channelsOf(pixels);
  if (channels === 1) return pixels;
  const { width, height, data } = pixels;
  const gray = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < gray.length; i++, at += channels)
    gray[i] = (data[at]! * 19595 + data[at + 1]! * 38470 + data[at + 2]! * 7471 + 0x8000) >> 16;
  return { width, height, data: gray };
}

function normalizeInto(
  out: Float32Array,
  offset: number,
  data: Uint8Array,
  stride: number,
  table: Float32Array,
  { width, height, channels, channelOrder }: Preprocessing,
  { dx, dy, flip }: View,
): void {
  const plane = width * height;
  const step = flip ? -stride : stride;
  // outputs x in [left, right) and y in [top, bottom) show the image, the rest is black
  const left = Math.max(0, flip ? dx : -dx);
  const right = width - Math.max(0, flip ? -dx : dx);
  const top = Math.max(0, -dy);
  const bottom = height - Math.max(0, dy);
  const firstColumn = flip ? width - 1 - left + dx : left + dx;
  if (dx !== 0 || dy !== 0)
    for (let c = 0; c < channels; c++) {
      const start = offset + c * plane;
      out.fill(table[c * 256]!, start, start + plane);
    }
  const last = stride === 1 ? 0 : 2;
  const [a, b, c] = channelOrder === "rgb" ? [0, last >> 1, last] : [last, last >> 1, 0];
  for (let y = top; y < bottom; y++) {
    let at = ((y + dy) * width + firstColumn) * stride;
    const row = offset + y * width;
    const end = row + right;
    if (channels === 1) for (let to = row + left; to < end; to++, at += step) out[to] = table[data[at]!]!;
    else
      for (let to = row + left; to < end; to++, at += step) {
        out[to] = table[data[at + a]!]!;
        out[to + plane] = table[256 + data[at + b]!]!;
        out[to + 2 * plane] = table[512 + data[at + c]!]!;
      }
  }
}
