import { expect, test } from "vitest";
import * as data from "./index.ts";

test("public names", () => {
  expect(Object.keys(data)).toMatchInlineSnapshot(`
    [
      "augmentations",
      "createBatchLoader",
      "cacheRoot",
      "outputIndices",
      "decodeImage",
      "decodeImageFile",
      "dataRoot",
      "openDataset",
      "packedDataset",
      "prefetch",
      "splitHoldout",
      "subset",
    ]
  `);
});
