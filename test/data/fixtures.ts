// What the tests of `src/data` read: folders that vanish after the test, and images drawn by a formula.

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { onTestFinished } from "vitest";
import type { Dataset } from "../../src/data/dataset.ts";
import { packedDataset } from "../../src/data/packed-dataset.ts";

/** Real images, which only some machines have. */
export const sharedData: string = fileURLToPath(new URL("../../../shared/data/", import.meta.url));
export const withoutSharedData: string | false = !existsSync(sharedData) && "no ../shared/data on this machine";

/** A folder holding `files` (by path in it), removed when the test ends. */
export async function folderOf(files: { readonly [path: string]: Uint8Array | string } = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "spinn-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

export interface RgbImage {
  width: number;
  height: number;
  data: Uint8Array;
}

/** An RGB image in which every pixel tells its place; `seed` makes it another one. */
export function patternImage(width: number, height: number, seed = 0): RgbImage {
  const data = new Uint8Array(width * height * 3);
  let i = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) data[i++] = x * 7 + y * 13 + c * 29 + ((x * y) % 31) * 5 + seed * 17;
  return { width, height, data };
}

export function encoded(image: RgbImage, format: "png" | "jpeg" | "webp"): Promise<Buffer> {
  const { width, height, data } = image;
  return sharp(data, { raw: { width, height, channels: 3 } })
    .toFormat(format, format === "webp" ? { lossless: true } : {})
    .toBuffer();
}

/** `count` patterned images of three classes in turn. */
export function patternDataset(count: number, side = 8): Dataset {
  const bytes = new Uint8Array(new SharedArrayBuffer(count * side * side * 3));
  for (let i = 0; i < count; i++) bytes.set(patternImage(side, side, i).data, i * side * side * 3);
  const labels = Uint16Array.from({ length: count }, (_, i) => i % 3);
  return packedDataset({
    name: "pattern",
    classes: ["a", "b", "c"],
    width: side,
    height: side,
    channels: 3,
    bytes,
    labels,
  });
}
