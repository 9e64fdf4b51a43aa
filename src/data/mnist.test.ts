import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { folderOf } from "../../test/data/fixtures.ts";
import { openDataset } from "./open-dataset.ts";

function idx(dims: readonly number[], values: ArrayLike<number>, magic = 0x0800 | dims.length): Buffer {
  const header = Buffer.alloc(4 + 4 * dims.length);
  header.writeUInt32BE(magic);
  for (const [i, dim] of dims.entries()) header.writeUInt32BE(dim, 4 + 4 * i);
  return Buffer.concat([header, Uint8Array.from(values)]);
}

const pixels = Array.from({ length: 12 }, (_, i) => i * 3);
const images = idx([2, 3, 2], pixels);
const labels = idx([2], [7, 0]);

describe("mnist:DIR", () => {
  test.each([
    ["plain", { "train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels }],
    ["gzipped", { "train-images-idx3-ubyte.gz": gzipSync(images), "train-labels-idx1-ubyte.gz": gzipSync(labels) }],
    ["dotted", { "train-images.idx3-ubyte": images, "train-labels.idx1-ubyte": labels }],
  ])("reads %s files as grey images", async (_, files) => {
    const dataset = await openDataset(`mnist:${await folderOf(files)}`, { split: "train" });
    expect(dataset).toMatchObject({ name: "mnist/train", length: 2, width: 2, height: 3 });
    expect(dataset.classes[dataset.labels[0]!]).toBe("7");
    expect(await dataset.pixels(1)).toEqual({ width: 2, height: 3, data: Uint8Array.from(pixels.slice(6)) });
  });

  test("tells its splits apart", async () => {
    const folder = await folderOf({ "t10k-images-idx3-ubyte": images, "t10k-labels-idx1-ubyte": labels });
    expect(await openDataset(`mnist:${folder}`, { split: "test" })).toHaveLength(2);
    await expect(openDataset(`mnist:${folder}`, { split: "train" })).rejects.toThrow(/has no train-images-idx3-ubyte/);
  });

  test.each([
    ["has 3 labels for 2 images", { "t10k-labels-idx1-ubyte": idx([3], [1, 2, 3]) }],
    ["the label 10 of 10", { "t10k-labels-idx1-ubyte": idx([2], [1, 10]) }],
    ["is no IDX file of bytes in 3 dimensions: it begins with 2049", { "t10k-images-idx3-ubyte": idx([12], pixels) }],
    ["is no IDX file", { "t10k-images-idx3-ubyte": idx([2, 3, 2], pixels, 0x0d03) }],
    ["has 11 values instead of 12", { "t10k-images-idx3-ubyte": images.subarray(0, -1) }],
    ["has 13 values instead of 12", { "t10k-images-idx3-ubyte": Buffer.concat([images, Uint8Array.of(1)]) }],
    ["is cut off after 9 bytes", { "t10k-images-idx3-ubyte": images.subarray(0, 9) }],
    ["is empty", { "t10k-images-idx3-ubyte": idx([0, 3, 2], []) }],
  ])("rejects files of which it says: %s", async (what, changes) => {
    const folder = await folderOf({
      "t10k-images-idx3-ubyte": images,
      "t10k-labels-idx1-ubyte": labels,
      ...(changes as { [path: string]: Uint8Array }),
    });
    await expect(openDataset(`mnist:${folder}`)).rejects.toMatchObject({
      code: "InvalidData",
      message: expect.stringContaining(what),
    });
  });

  test("rejects a gzip file that is cut off, naming it", async () => {
    const folder = await folderOf({ "t10k-images-idx3-ubyte.gz": gzipSync(images).subarray(0, -9) });
    await expect(openDataset(`mnist:${folder}`)).rejects.toThrow(/t10k-images-idx3-ubyte.gz is not a whole gzip file/);
  });
});
