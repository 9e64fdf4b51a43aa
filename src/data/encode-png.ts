// Pixels as a PNG file, by sharp (libvips). Node only: a page uses its canvas.

import sharp from "sharp";
import { channelsOf, type Pixels } from "../image/pixels.ts";

/** @throws {RangeError} when its size and bytes disagree */
export async function encodePng(pixels: Pixels): Promise<Uint8Array> {
  const { width, height, data } = pixels;
  return await sharp(data, { raw: { width, height, channels: channelsOf(pixels) } })
    .png()
    .toBuffer();
}
