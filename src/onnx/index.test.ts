// What the subpath exports: a change here is a change for users.

import { expect, test } from "vitest";
import * as runtime from "../runtime/index.ts";
import * as splitter from "../splitter/index.ts";
import * as onnx from "./index.ts";

test("public names", () => {
  expect(Object.keys(onnx).sort()).toMatchInlineSnapshot(`
    [
      "DataType",
      "GraphBuilder",
      "MAX_OPSET",
      "MIN_OPSET",
      "articulationPoints",
      "countMacs",
      "declaredType",
      "decodeModel",
      "edit",
      "encodeModel",
      "floatTensor",
      "foldBatchNorm",
      "inferShapes",
      "int64Tensor",
      "makeNode",
      "makeValueInfo",
      "opsetOf",
      "prune",
      "readModelFile",
      "removeDead",
      "sliceModel",
      "sortTopologically",
      "tensorValues",
      "upgradeOpset",
      "validateModel",
      "writeModelFile",
    ]
  `);
  expect(Object.keys(runtime).sort()).toMatchInlineSnapshot(`
    [
      "createSession",
    ]
  `);
  expect(Object.keys(splitter).sort()).toMatchInlineSnapshot(`
    [
      "articulationPoints",
      "cutCandidates",
      "sliceModel",
    ]
  `);
});
