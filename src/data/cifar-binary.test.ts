import { describe, expect, test } from "vitest";
import { folderOf, patternImage } from "../../test/data/fixtures.ts";
import { openDataset } from "./open-dataset.ts";

const image = patternImage(32, 32);

/** One record: labels, then the red, the green and the blue plane. */
function record(...labels: number[]): Buffer {
  const planes = [0, 1, 2].map((c) => image.data.filter((_, i) => i % 3 === c));
  return Buffer.concat([Uint8Array.from(labels), ...planes]);
}

describe("cifar10:DIR", () => {
  test("reads all batches of the training split, in the order of their numbers", async () => {
    const folder = await folderOf({
      "data_batch_1.bin": Buffer.concat([record(3), record(9)]),
      "data_batch_2.bin": record(0),
      "test_batch.bin": record(7),
    });
    const train = await openDataset(`cifar10:${folder}`, { split: "train" });
    expect(train).toMatchObject({ name: "cifar10/train", length: 3, width: 32, height: 32 });
    expect([...train.labels]).toEqual([3, 9, 0]);
    expect(await train.pixels(2)).toEqual(image);
    const test = await openDataset(`cifar10:${folder}`, { split: "test" });
    expect(Array.from(test.labels, (label) => test.classes[label])).toEqual(["horse"]);
  });

  test.each([
    ["has no test_batch.bin", {}],
    ["is no multiple of 3073", { "test_batch.bin": record(1).subarray(0, 3000) }],
    ["is no multiple of 3073", { "test_batch.bin": "" }],
    ["the label 10 of 10", { "test_batch.bin": Buffer.concat([record(1), record(10)]) }],
  ])("rejects files of which it says: %s", async (what, files) => {
    await expect(openDataset(`cifar10:${await folderOf(files)}`)).rejects.toMatchObject({
      code: "InvalidData",
      message: expect.stringContaining(what),
    });
  });
});

describe("cifar100:DIR, binary", () => {
  test("takes the fine label, which comes second", async () => {
    const folder = await folderOf({ "test.bin": record(4, 2), "fine_label_names.txt": "apple\nbear\nclock\n\n" });
    const dataset = await openDataset(`cifar100:${folder}`);
    expect(dataset).toMatchObject({ name: "cifar100/test", classes: ["apple", "bear", "clock"] });
    expect([...dataset.labels]).toEqual([2]);
    expect(await dataset.pixels(0)).toEqual(image);
  });

  test.each([
    ["fine_label_names.txt does not exist", { "test.bin": record(0, 0) }],
    ["names no class", { "test.bin": record(0, 0), "fine_label_names.txt": "\n" }],
    ["is no multiple of 3074", { "test.bin": record(0), "fine_label_names.txt": "apple" }],
  ])("rejects files of which it says: %s", async (what, files) => {
    await expect(openDataset(`cifar100:${await folderOf(files)}`)).rejects.toMatchObject({
      code: "InvalidData",
      message: expect.stringContaining(what),
    });
  });
});
