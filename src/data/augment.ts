// Random crops and mirror images for training, a pure function of (seed, epoch, image) whoever computes it.

import type { View } from "../image/view.ts";
import { createRng, mixSeed } from "../random.ts";

/** What is varied in training images. Plain JSON. */
export interface Augmentation {
  /**
   * `pad`: the fitted image is moved by up to `padding` pixels each way over black, for small images (He et al. 2016).
   * `resized`: a part of random area and aspect is scaled to the input, for photos (Szegedy et al. 2015).
   */
  crop: "none" | "pad" | "resized";
  /** Pixels, for `pad`. @default 4 */
  padding?: number;
  /** Smallest part of the area, for `resized`. @default 0.25 (0.08 is usual for training from scratch) */
  minArea?: number;
  /** Mirror every other image; not for digits. @default false */
  flip?: boolean;
}

export const augmentations: { readonly [name in "cifar" | "mnist" | "photo"]: Augmentation } = {
  cifar: { crop: "pad", padding: 4, flip: true },
  mnist: { crop: "pad", padding: 2 },
  photo: { crop: "resized", flip: true },
};

/** Draws the view of image `index` in `epoch`. `width` and `height` are the source image's, in pixels. */
export function drawView(
  augmentation: Augmentation,
  seed: number,
  epoch: number,
  index: number,
  width: number,
  height: number,
): View {
  const { crop, padding = 4, minArea = 0.25, flip = false } = augmentation;
  const rng = createRng(mixSeed(seed, epoch, index));
  const flipped = rng() < 0.5 && flip;
  if (crop === "none") return { dx: 0, dy: 0, flip: flipped };
  if (crop === "pad") {
    const shift = () => Math.floor(rng() * (2 * padding + 1)) - padding;
    return { dx: shift(), dy: shift(), flip: flipped };
  }
  crop satisfies "resized";
  // an aspect may not fit the image; after ten of them the whole image is as random as needs be
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = width * height * (minArea + rng() * (1 - minArea));
    const aspect = Math.exp((rng() * 2 - 1) * Math.log(4 / 3));
    const boxWidth = Math.round(Math.sqrt(area * aspect));
    const boxHeight = Math.round(Math.sqrt(area / aspect));
    if (boxWidth < 1 || boxHeight < 1 || boxWidth > width || boxHeight > height) continue;
    const x = Math.floor(rng() * (width - boxWidth + 1));
    const y = Math.floor(rng() * (height - boxHeight + 1));
    return { box: { x, y, width: boxWidth, height: boxHeight }, dx: 0, dy: 0, flip: flipped };
  }
  return { box: { x: 0, y: 0, width, height }, dx: 0, dy: 0, flip: flipped };
}
