// Encoded images to pixels by the browser's own decoders.

import { messageOf, SpinnError } from "../errors.ts";
import type { Pixels } from "../image/pixels.ts";

/** Larger ones are no photographs, and would take gigabytes. */
const MAX_PIXELS = 100_000_000;

/**
 * Whatever the browser reads, upright as its orientation tag says, as RGBA.
 *
 * @throws {SpinnError} InvalidData for what it does not read, and for more than 100 megapixels
 */
export async function decodeImage(image: Blob | Uint8Array): Promise<Pixels> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(image instanceof Blob ? image : new Blob([image as Uint8Array<ArrayBuffer>]));
  } catch (error) {
    throw new SpinnError("InvalidData", `The browser cannot decode the image: ${messageOf(error)}`, { cause: error });
  }
  try {
    return pixelsOf(bitmap);
  } finally {
    bitmap.close();
  }
}

/** @throws {SpinnError} InvalidData for more than 100 megapixels, or what a page may not read */
export function pixelsOf(bitmap: ImageBitmap): Pixels {
  const { width, height } = bitmap;
  if (width * height > MAX_PIXELS)
    throw new SpinnError("InvalidData", `An image of ${width}x${height} pixels is too large`);
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new SpinnError("InvalidData", `The browser has no canvas of ${width}x${height} pixels`);
  context.drawImage(bitmap, 0, 0);
  try {
    return context.getImageData(0, 0, width, height);
  } catch (cause) {
    throw new SpinnError("InvalidData", "The image comes from another origin, which does not let pages read it", {
      hint: "Have its server send Access-Control-Allow-Origin, and load it with crossOrigin",
      cause,
    });
  }
}
