import { rename } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encoded, folderOf, patternImage, sharedData, withoutSharedData } from "../../test/data/fixtures.ts";
import { openDataset } from "./open-dataset.ts";

const png = await encoded(patternImage(6, 4), "png");
const jpeg = await encoded(patternImage(50, 50), "jpeg");

/** Ten files of each class. */
function flat(...classes: string[]): { [path: string]: Uint8Array } {
  const paths = classes.flatMap((name) => Array.from({ length: 10 }, (_, i) => `${name}/photo-${i}.png`));
  return Object.fromEntries(paths.map((path) => [path, png]));
}

describe("folder:DIR", () => {
  test("takes train and val as the splits, and folders as classes", async () => {
    const folder = await folderOf({
      "train/dog/1.PNG": png,
      "train/cat/1.jpeg": jpeg,
      "train/cat/notes.txt": "a cat",
      "train/.cache/1.png": png,
      "val/cat/2.jpg": jpeg,
      "val/dog/2.webp": await encoded(patternImage(3, 2), "webp"),
      "readme.md": "pets",
    });
    const train = await openDataset(folder, { split: "train" });
    expect(train.classes).toEqual(["cat", "dog"]);
    expect([...train.labels]).toEqual([0, 1]);
    expect(train.width).toBeUndefined();
    expect(await train.pixels(1)).toMatchObject({ width: 6, height: 4 });
    const val = await openDataset(`folder:${folder}`, { split: "test" });
    expect(val.name).toMatch(/\/test$/);
    expect(await val.pixels(1)).toMatchObject({ width: 3, height: 2 });
    expect(() => val.pixels(2)).toThrow(RangeError);
  });

  test("splits a fifth off each class where there are no such folders, the same wherever the folder lies", async () => {
    const folder = await folderOf(flat("a", "b"));
    const filesOf = async (path: string, split: "train" | "test") => {
      const shared = (await openDataset(path, { split })).share!();
      return shared.kind === "files" ? shared.paths.map((file) => file.slice(path.length)) : [];
    };
    const [train, test] = [await filesOf(folder, "train"), await filesOf(folder, "test")];
    expect([train.length, test.length]).toEqual([16, 4]);
    expect(new Set([...train, ...test]).size).toBe(20);
    expect(test.filter((file) => file.includes("a"))).toHaveLength(2);
    const moved = `${folder}-moved`;
    await rename(folder, moved);
    expect(await filesOf(moved, "test")).toEqual(test);
    await rename(moved, folder);
  });

  test("names classes and their ImageNet indices by classes.tsv", async () => {
    const table = "wnid\timagenet_index\tname\nb\t217\tEnglish springer\r\na\t0\ttench\n";
    const dataset = await openDataset(await folderOf({ ...flat("a", "b"), "classes.tsv": table }));
    expect(dataset.classes).toEqual(["tench", "English springer"]);
    expect(dataset.classIndices).toEqual([0, 217]);
  });

  test("names the file when an image is damaged", async () => {
    const folder = await folderOf({
      ...flat("a"),
      "train/a/1.jpg": jpeg.subarray(0, jpeg.length / 2),
      "val/a/1.jpg": jpeg,
    });
    const dataset = await openDataset(folder, { split: "train" });
    await expect(dataset.pixels(0)).rejects.toMatchObject({
      code: "InvalidData",
      message: expect.stringContaining(join(folder, "train", "a", "1.jpg")),
    });
  });

  test.each([
    ["has no class folders", {}],
    ["has no class folders", { "readme.md": "nothing" }],
    ["1.jpg lies where class folders are expected", { "1.jpg": jpeg, ...flat("a") }],
    ["b has no JPEG, PNG or WebP image. Fill or remove it", { ...flat("a"), "b/readme.md": "empty" }],
    ["Name the folder whose folders are the classes", { "photos/a/1.png": png, "photos/b/1.png": png }],
    ["has one image, which cannot be split in two", { "a/1.png": png }],
    ["has the class folder b, which", { "train/a/1.png": png, "train/b/1.png": png, "val/a/1.png": png }],
    ["has the class folder b, which", { "train/a/1.png": png, "val/b/1.png": png, "val/a/1.png": png }],
    ["does not list the class folder b", { ...flat("a", "b"), "classes.tsv": "wnid\tname\na\tant\n" }],
    ['the ImageNet index "1000"', { ...flat("a"), "classes.tsv": "wnid\timagenet_index\na\t1000\n" }],
  ])("rejects a folder of which it says: %s", async (what, files) => {
    await expect(openDataset(await folderOf(files as { [path: string]: Uint8Array }))).rejects.toMatchObject({
      code: "InvalidData",
      message: expect.stringContaining(what),
    });
  });

  test("reads the real Imagenette", async ({ skip }) => {
    if (withoutSharedData) skip(withoutSharedData);
    const dataset = await openDataset(`imagenette:${sharedData}imagenette`);
    expect(dataset.length).toBe(500);
    expect(dataset.classes[1]).toBe("English springer");
    expect(dataset.classIndices?.slice(0, 3)).toEqual([0, 217, 482]);
    expect(await dataset.pixels(499)).toMatchObject({ width: 224, height: 224 });
  });
});
