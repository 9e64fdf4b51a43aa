// What a user may hand in as an image, and how it becomes the network's input.

import { SpinnError } from "../errors.ts";
import type { Pixels } from "../image/pixels.ts";
import { createPreprocessor, type Preprocessor } from "../image/preprocess.ts";
import { sizeOf, type Tensor } from "../tensor.ts";
import type { NetworkInfo } from "./network-info.ts";

/** Decoded pixels, an encoded image (JPEG, PNG, WebP), or the network's input itself, float32 [1, C, H, W]. */
export type DeviceImage = Pixels | Uint8Array | Tensor;

/** @throws {SpinnError} InvalidData for bytes that are no image */
export type DecodeImage = (bytes: Uint8Array) => Promise<Pixels>;

/** @returns the network's input in memory of its own, [1, C, H, W] */
export type PrepareInput = (image: DeviceImage) => Promise<Float32Array>;

/**
 * The returned function fails with a TypeError or RangeError for what is no image or does not fit the network, and with a
 * SpinnError InvalidData for an image that cannot be decoded or has the wrong size, UnsupportedModel for pixels when the model
 * does not say how they become its input.
 */
export function inputPreparer(network: NetworkInfo, decodeImage?: DecodeImage): PrepareInput {
  const { input, preprocessing } = network;
  const size = sizeOf(input.shape);
  let preprocessor: Preprocessor | undefined;

  const fromPixels = (pixels: Pixels): Float32Array => {
    if (!preprocessing) {
      throw new SpinnError("UnsupportedModel", "The model does not say how pixels become its input", {
        hint: `Pass a tensor [${input.shape.join(", ")}], or add the preprocessing with spinn build`,
      });
    }
    preprocessor ??= createPreprocessor(preprocessing);
    const values = new Float32Array(size);
    preprocessor(pixels, values, 0);
    return values;
  };

  return async (image) => {
    if (image instanceof Uint8Array) {
      if (!decodeImage) throw new TypeError("Encoded images cannot be decoded here: pass pixels");
      return fromPixels(await decodeImage(image));
    }
    if ("width" in image) return fromPixels(image);
    if (!("dims" in image)) throw new TypeError("An image is pixels, encoded bytes or a tensor");
    const { dims, data } = image;
    if (!(data instanceof Float32Array)) throw new TypeError(`The network's input is float32, not ${image.type}`);
    if (dims.join() !== input.shape.join() || data.length !== size)
      throw new RangeError(`The network's input is [${input.shape.join(", ")}], not [${dims.join(", ")}]`);
    return data.slice();
  };
}
