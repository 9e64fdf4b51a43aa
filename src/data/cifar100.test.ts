import { describe, expect, test } from "vitest";
import { encoded, folderOf, patternImage, sharedData, withoutSharedData } from "../../test/data/fixtures.ts";
import { openDataset } from "./open-dataset.ts";

/** Two images, one under the other. */
const strip = patternImage(32, 64);
const names = "apple\nbear\n";
const stripWebp = await encoded(strip, "webp");
const tooWide = await encoded(patternImage(33, 64), "webp");
const tooShort = await encoded(patternImage(32, 40), "webp");

describe("cifar100:DIR, strips", () => {
  test("cuts strips into images, in the order of their numbers", async () => {
    const folder = await folderOf({
      "test-001.webp": await encoded(patternImage(32, 32, 1), "webp"),
      "test-000.webp": stripWebp,
      "test-labels.u8": Uint8Array.of(1, 0, 1),
      "fine_labels.txt": names,
    });
    const dataset = await openDataset(`cifar100:${folder}`);
    expect(dataset).toMatchObject({
      name: "cifar100/test",
      length: 3,
      width: 32,
      height: 32,
      classes: ["apple", "bear"],
    });
    expect([...dataset.labels]).toEqual([1, 0, 1]);
    expect(await dataset.pixels(1)).toEqual({ width: 32, height: 32, data: strip.data.subarray(3072) });
    expect(await dataset.pixels(2)).toEqual(patternImage(32, 32, 1));
  });

  test.each([
    ["has neither test.bin nor test-000.webp", { "fine_labels.txt": names }],
    ["fine_labels.txt does not exist", { "fine_labels.txt": undefined }],
    ["has 1 labels for 2 images", { "test-labels.u8": Uint8Array.of(1) }],
    ["has 3 labels for 2 images", { "test-labels.u8": Uint8Array.of(1, 0, 1) }],
    ["the label 2 of 2", { "test-labels.u8": Uint8Array.of(1, 2) }],
    ["is 33x64, not a strip", { "test-000.webp": tooWide }],
    ["is 32x40, not a strip", { "test-000.webp": tooShort }],
    ["cannot be decoded as an image", { "test-000.webp": stripWebp.subarray(0, 200) }],
  ])("rejects files of which it says: %s", async (what, changes) => {
    const whole: { [path: string]: Uint8Array | string | undefined } = what.startsWith("has neither")
      ? {}
      : {
          "test-000.webp": stripWebp,
          "test-labels.u8": Uint8Array.of(1, 0),
          "fine_labels.txt": names,
        };
    const files = Object.entries({ ...whole, ...changes }).filter((entry): entry is [string, Uint8Array | string] =>
      Boolean(entry[1]),
    );
    await expect(openDataset(`cifar100:${await folderOf(Object.fromEntries(files))}`)).rejects.toMatchObject({
      code: "InvalidData",
      message: expect.stringContaining(what),
    });
  });

  test("stops when told to", async () => {
    const folder = await folderOf({
      "test-000.webp": stripWebp,
      "test-labels.u8": Uint8Array.of(1, 0),
      "fine_labels.txt": names,
    });
    await expect(openDataset(`cifar100:${folder}`, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "Aborted",
    });
  });

  test("reads the real test split", async ({ skip }) => {
    if (withoutSharedData) skip(withoutSharedData);
    const dataset = await openDataset(`cifar100:${sharedData}cifar100`);
    expect(dataset.length).toBe(10_000);
    expect(dataset.classes).toHaveLength(100);
    // interleaved by class, so that any prefix is balanced
    expect(new Set(dataset.labels.subarray(0, 100)).size).toBe(100);
  });
});
