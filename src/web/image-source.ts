// What a page may hand in as an image, as something that a worker can take.

import { SpinnError } from "../errors.ts";
import type { Pixels } from "../image/pixels.ts";

/** An encoded image, pixels, or whatever the page shows. A video or canvas gives the frame of the moment. */
export type WebImage =
  | Blob
  | Uint8Array
  | Pixels
  | ImageData
  | ImageBitmap
  | HTMLImageElement
  | HTMLVideoElement
  | HTMLCanvasElement
  | OffscreenCanvas;

/** Crosses to a worker by cloning; a bitmap is ours and goes by transfer. */
export type ImageSource = Blob | Uint8Array | Pixels | ImageBitmap;

type Element = HTMLImageElement | HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas;

/** By name: a worker has no classes for elements, and those of another frame are others. */
const elements = /^\[object (HTMLImageElement|HTMLVideoElement|HTMLCanvasElement|OffscreenCanvas)\]$/;

/**
 * Elements become bitmaps, which browsers make aside of the page's own thread.
 *
 * @throws {SpinnError} InvalidData for an element that shows nothing yet
 * @throws {TypeError} for what is no image
 */
export async function imageSourceOf(image: WebImage): Promise<ImageSource> {
  if (image instanceof Blob || image instanceof Uint8Array) return image;
  if (image instanceof ImageBitmap || isElement(image)) return await bitmapOf(image);
  if (typeof image === "object" && image !== null && "data" in image) {
    const { width, height, data } = image;
    return { width, height, data: data as Pixels["data"] };
  }
  throw new TypeError("An image is a blob, bytes, pixels, a bitmap, or an element that shows one");
}

function isElement(image: unknown): image is Element {
  return elements.test(Object.prototype.toString.call(image));
}

async function bitmapOf(image: Element | ImageBitmap): Promise<ImageBitmap> {
  try {
    if ("decode" in image) await image.decode();
    return await createImageBitmap(image);
  } catch (cause) {
    const hint = "Wait until it is loaded, and load what comes from elsewhere with crossOrigin";
    throw new SpinnError("InvalidData", "There is nothing to see yet, or the page may not read it", { hint, cause });
  }
}
