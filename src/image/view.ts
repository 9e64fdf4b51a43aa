// Which part of an image becomes the network's input, and which way round.

import type { Box } from "./resize.ts";

/** What one image is subjected to. */
export interface View {
  /** Part of the source image to scale to the input; absent: as in evaluation. */
  readonly box?: Box;
  /** Input pixel (x, y) shows pixel (x + dx, y + dy) of the fitted image, black outside. */
  readonly dx: number;
  readonly dy: number;
  /** Mirrored after the crop. */
  readonly flip: boolean;
}
