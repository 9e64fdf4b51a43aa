// An input for measuring with, where there is no image at hand.

import type { NetworkInfo } from "../engine/network-info.ts";
import { sizeOf } from "../tensor.ts";

/** [1, C, H, W], like a photo rather than noise or nothing: what it takes to pack and to send depends on it. */
export function smoothPattern({ input }: NetworkInfo): Float32Array {
  const width = input.shape.at(-1) ?? 1;
  return Float32Array.from({ length: sizeOf(input.shape) }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return Math.sin((3 * x) / width + y / 7) + Math.cos((5 * y) / width) / 2;
  });
}
