// Image files to pixels, by sharp (libvips). Node only: a page uses its canvas.

import sharp from "sharp";
import { SpinnError } from "../errors.ts";
import type { Pixels } from "../image/pixels.ts";
import { readBytes } from "./read-file.ts";

/**
 * A JPEG, PNG or WebP file as upright 8-bit sRGB without alpha.
 *
 * @throws {SpinnError} InvalidData when it is missing or damaged, naming it; FileAccess when it cannot be read
 */
export async function decodeImageFile(path: string): Promise<Pixels> {
  return await decodeImage(await readBytes(path), path);
}

export interface DecodeImageOptions {
  /** An image with more is refused before it is decoded, whatever its file's size. @default 2^28 */
  readonly maxPixels?: number;
}

/** The same from memory; `source` names the bytes in errors. @throws {SpinnError} InvalidData */
export async function decodeImage(
  bytes: Uint8Array,
  source: string,
  { maxPixels = 2 ** 28 }: DecodeImageOptions = {},
): Promise<Pixels> {
  try {
    const { data, info } = await sharp(bytes, { limitInputPixels: maxPixels })
      .autoOrient()
      .toColourspace("srgb")
      .removeAlpha()
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data };
  } catch (cause) {
    throw new SpinnError("InvalidData", `${source} cannot be decoded as an image`, {
      hint: "Replace or remove the file.",
      cause,
    });
  }
}
