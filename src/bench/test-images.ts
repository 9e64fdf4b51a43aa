// Images for benchmarks that ask a CIFAR network for a long time, and what it says of each of them.

import { type Dataset, openDataset } from "../data/index.ts";
import { packedDataset } from "../data/packed-dataset.ts";
import { subset } from "../data/subset.ts";
import { messageOf } from "../errors.ts";
import { createRng } from "../random.ts";

const SIDE = 32;

/** Of CIFAR-10. Noise where that is not to be had: what survives does not depend on what is in the images. */
export async function testImages(count: number, say: (text: string) => void): Promise<Dataset> {
  try {
    const all = await openDataset("cifar10", { split: "test" });
    return subset(
      all,
      Uint32Array.from({ length: Math.min(count, all.length) }, (_, i) => i),
    );
  } catch (error) {
    say(`Noise instead of CIFAR-10: ${messageOf(error)}`);
    const rng = createRng(1);
    const bytes = new Uint8Array(new SharedArrayBuffer(count * SIDE * SIDE * 3));
    for (let i = 0; i < bytes.length; i++) bytes[i] = 256 * rng();
    return packedDataset({
      name: "noise",
      classes: Array.from({ length: 10 }, (_, i) => String(i)),
      width: SIDE,
      height: SIDE,
      channels: 3,
      bytes,
      labels: new Uint16Array(count),
    });
  }
}
