import { join, resolve } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { encoded, folderOf, patternImage } from "../../test/data/fixtures.ts";
import { dataRoot, openDataset } from "./open-dataset.ts";

afterEach(() => vi.unstubAllEnvs());

describe("openDataset()", () => {
  test("looks for data sets without a folder in SPINN_DATA", async () => {
    const root = await folderOf({
      "cifar100/test-000.webp": await encoded(patternImage(32, 32), "webp"),
      "cifar100/test-labels.u8": Uint8Array.of(0),
      "cifar100/fine_labels.txt": "apple",
    });
    vi.stubEnv("SPINN_DATA", root);
    expect(await openDataset("cifar100")).toMatchObject({ name: "cifar100/test", length: 1 });
    await expect(openDataset("imagenette")).rejects.toMatchObject({
      code: "InvalidData",
      message: `There is no imagenette in ${root}. Write imagenette:DIR, or set SPINN_DATA to a folder that holds imagenette.`,
    });
  });

  test.each(["cifar1000", "constructor", "no/such/folder", "C:\\photos", ""])(
    "rejects %j, which is nothing",
    async (spec) => {
      await expect(openDataset(spec)).rejects.toMatchObject({ code: "InvalidData" });
    },
  );

  test("says what it knows when it does not know a name", async () => {
    await expect(openDataset("cifar1000")).rejects.toThrow(
      "cifar1000 is neither a folder nor a known data set. Name a folder of images, or one of cifar10, cifar100, mnist, imagenette, folder.",
    );
    await expect(openDataset("folder")).rejects.toThrow("folder says no folder. Write folder:DIR.");
  });

  test.each(["cifar10", "cifar100", "mnist", "imagenette", "folder"])(
    "%s:DIR names a folder that is missing",
    async (kind) => {
      const missing = join(await folderOf(), "missing");
      await expect(openDataset(`${kind}:${missing}`)).rejects.toMatchObject({
        code: "InvalidData",
        message: `${missing} does not exist. Check the path.`,
      });
    },
  );

  test("says so when a file is given for a folder", async () => {
    const file = join(await folderOf({ "photo.jpg": "x" }), "photo.jpg");
    for (const spec of [file, `mnist:${file}`, `cifar10:${file}`])
      await expect(openDataset(spec)).rejects.toMatchObject({
        code: "InvalidData",
        message: `${file} is a file. Name the folder that holds the data.`,
      });
  });
});

test("dataRoot() is SPINN_DATA, else beside the project", () => {
  expect(dataRoot({ SPINN_DATA: "here" })).toBe(resolve("here"));
  expect(dataRoot({})).toBe(resolve("../shared/data"));
});
