// CIFAR-100 (A. Krizhevsky, 2009) as lossless WebP strips: 32 pixels wide, images one under the other.

import { join } from "node:path";
import { SpinnError } from "../errors.ts";
import { openCifar100Binary } from "./cifar-binary.ts";
import type { Dataset } from "./dataset.ts";
import { decodeImageFile } from "./decode-image.ts";
import { checkedLabels, readClassNames } from "./labels.ts";
import type { OpenOptions } from "./open-options.ts";
import { packedDataset } from "./packed-dataset.ts";
import { listFolder, readBytes } from "./read-file.ts";

const side = 32;
const imageBytes = side * side * 3;

/**
 * CIFAR-100 with its fine labels, from the binary version (`train.bin`) or from strips: `train-000.webp` and so on,
 * `train-labels.u8` (one byte an image) and `fine_labels.txt`.
 *
 * @throws {SpinnError} InvalidData when files are missing, damaged or disagree; FileAccess; Aborted
 */
export async function openCifar100(folder: string, options: OpenOptions = {}): Promise<Dataset> {
  const split = options.split ?? "test";
  const { files } = await listFolder(folder);
  if (files.includes(`${split}.bin`)) return await openCifar100Binary(folder, options);
  const strips = files.filter((name) => name.startsWith(`${split}-`) && name.endsWith(".webp"));
  if (strips.length === 0)
    throw new SpinnError("InvalidData", `${folder} has neither ${split}.bin nor ${split}-000.webp`, {
      hint: "Name the folder of CIFAR-100's binary version, or one of WebP strips.",
    });
  const classes = await readClassNames(join(folder, "fine_labels.txt"));
  const labelPath = join(folder, `${split}-labels.u8`);
  const labels = checkedLabels(await readBytes(labelPath), classes.length, labelPath);
  const bytes = new Uint8Array(new SharedArrayBuffer(labels.length * imageBytes));
  const count = await decodeStrips(
    strips.map((name) => join(folder, name)),
    bytes,
    options.signal,
  );
  if (count !== labels.length)
    throw new SpinnError("InvalidData", `${labelPath} has ${labels.length} labels for ${count} images`, {
      hint: "Fetch the folder anew.",
    });
  return packedDataset({ name: `cifar100/${split}`, classes, width: side, height: side, channels: 3, bytes, labels });
}

/** Fills `bytes` as far as it reaches and returns the number of images that there were. */
async function decodeStrips(paths: readonly string[], bytes: Uint8Array, signal?: AbortSignal): Promise<number> {
  let count = 0;
  // a few at once, as sharp's threads are few: all at once would hold all strips in memory twice
  for (let next = 0; next < paths.length; next += 4) {
    if (signal?.aborted) throw new SpinnError("Aborted", "Stopped while reading CIFAR-100");
    const some = paths.slice(next, next + 4);
    for (const [i, strip] of (await Promise.all(some.map((path) => decodeImageFile(path)))).entries()) {
      if (strip.width !== side || strip.height % side !== 0)
        throw new SpinnError(
          "InvalidData",
          `${some[i]} is ${strip.width}x${strip.height}, not a strip of 32x32 images`,
        );
      const room = bytes.length - count * imageBytes;
      if (strip.data.length <= room) bytes.set(strip.data, count * imageBytes);
      count += strip.height / side;
    }
  }
  return count;
}
