// How pixels become a network's input: plain JSON, kept in the model's metadata and applied from there everywhere.

import { SpinnError } from "../errors.ts";

/** Input value = (byte * `scale` - `mean[c]`) / `std[c]`, laid out as [channels, height, width]. */
export interface Preprocessing {
  /** Of the network's input, in pixels. */
  width: number;
  height: number;
  channels: 3 | 1;
  /** Order in which the network takes colours; `mean` and `std` follow it. Without meaning for one channel. */
  channelOrder: "rgb" | "bgr";
  /**
   * How an image of another size is made to fit. `none`: it is refused. `stretch`: to width x height, whatever its
   * aspect. `center-crop`: scaled so that a centred window of width x height covers `cropRatio` of its shorter side, and
   * that is cut out. An image of just the right size is taken as it is in every mode.
   */
  resize: "none" | "stretch" | "center-crop";
  /** In (0, 1]; 0.875 makes 224 of 256 as is usual for ImageNet. Without meaning unless `center-crop`. */
  cropRatio: number;
  scale: number;
  /** One value a channel. */
  mean: readonly number[];
  /** One value a channel, not 0. */
  std: readonly number[];
}

const imagenetMean = [0.485, 0.456, 0.406];
const imagenetStd = [0.229, 0.224, 0.225];
const common = { channels: 3, channelOrder: "rgb", cropRatio: 0.875, scale: 1 / 255 } as const;

/** The conventions of well-known networks; spread one to change its size. */
export const preprocessings: {
  readonly [name in "cifar" | "mnist" | "imagenet" | "mobilenetv2"]: Preprocessing;
} = {
  cifar: { ...common, width: 32, height: 32, resize: "stretch", mean: imagenetMean, std: imagenetStd },
  mnist: { ...common, width: 28, height: 28, channels: 1, resize: "stretch", mean: [0.1307], std: [0.3081] },
  imagenet: { ...common, width: 224, height: 224, resize: "center-crop", mean: imagenetMean, std: imagenetStd },
  mobilenetv2: {
    ...common,
    width: 224,
    height: 224,
    resize: "center-crop",
    scale: 1 / 127.5,
    mean: [1, 1, 1],
    std: [1, 1, 1],
  },
};

/**
 * Checks what was read from a model's metadata or a file.
 *
 * @throws {SpinnError} InvalidData naming the field that is wrong
 */
export function parsePreprocessing(json: unknown): Preprocessing {
  if (typeof json !== "object" || json === null) throw invalid("it", "an object", json);
  const value = json as { readonly [field in keyof Preprocessing]?: unknown };
  const { width, height, channels, channelOrder, resize, cropRatio, scale } = value;
  if (!isSize(width)) throw invalid("width", "a positive integer", width);
  if (!isSize(height)) throw invalid("height", "a positive integer", height);
  if (channels !== 1 && channels !== 3) throw invalid("channels", "1 or 3", channels);
  if (channelOrder !== "rgb" && channelOrder !== "bgr") throw invalid("channelOrder", `"rgb" or "bgr"`, channelOrder);
  if (resize !== "none" && resize !== "stretch" && resize !== "center-crop")
    throw invalid("resize", `"none", "stretch" or "center-crop"`, resize);
  if (!isNumber(cropRatio) || cropRatio <= 0 || cropRatio > 1) throw invalid("cropRatio", "in (0, 1]", cropRatio);
  if (!isNumber(scale) || scale === 0) throw invalid("scale", "a number other than 0", scale);
  const mean = perChannel("mean", value.mean, channels);
  const std = perChannel("std", value.std, channels);
  if (std.includes(0)) throw invalid("std", "without 0", std);
  return { width, height, channels, channelOrder, resize, cropRatio, scale, mean, std };
}

function perChannel(field: string, value: unknown, channels: number): number[] {
  if (Array.isArray(value) && value.length === channels && value.every(isNumber)) return [...value];
  throw invalid(field, `${channels} numbers`, value);
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

function isSize(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= 16_384;
}

function invalid(field: string, expected: string, found: unknown): SpinnError {
  return new SpinnError(
    "InvalidData",
    `Preprocessing is invalid: ${field} must be ${expected}, not ${JSON.stringify(found)}`,
  );
}
