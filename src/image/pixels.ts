// A decoded image, whatever decoded it: a file reader in Node, a canvas in a page.

/**
 * An image as decoded: interleaved bytes, rows from the top. Grey, RGB or RGBA is told by
 * `data.length / (width * height)`, which is 1, 3 or 4 (so a canvas's `ImageData` is one); alpha is ignored.
 */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** [height, width, channels] */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** Channels of an image. @throws {RangeError} when its size and bytes disagree */
export function channelsOf(pixels: Pixels): 1 | 3 | 4 {
  const channels = pixels.data.length / (pixels.width * pixels.height);
  if (channels === 1 || channels === 3 || channels === 4) return channels;
  throw new RangeError(
    `${pixels.data.length} bytes are no ${pixels.width}x${pixels.height} image of 1, 3 or 4 channels`,
  );
}
