// Upgraded models compute the same bits; every rule has a graph that needs it.

import { expect, test } from "vitest";
import { needRealModels, REAL_MODELS, realModel } from "../../test/real-models.ts";
import { largestDifference, runModel } from "../../test/run-model.ts";
import { GraphBuilder } from "./builder.ts";
import { type ModelProto, opsetOf } from "./proto.ts";
import { upgradeOpset } from "./upgrade-opset.ts";
import { validateModel } from "./validate.ts";

const run = (model: ModelProto) => runModel(model, { batch: 3 });

const pool = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] };

/** An input that opset 11 wants and does not use. */
const none = (g: GraphBuilder): string => g.parameter("none", new Float32Array(0), [0]);

/** One graph for each change: from `x` [N, 6, 4, 4] to whatever, in the opset of the form that changes. */
const graphs: Record<string, [opset: number, body: (g: GraphBuilder, x: string) => string[]]> = {
  "Dropout with ratio": [11, (g, x) => [g.op("Dropout", [x], { ratio: 0.25 })]],
  "Dropout without": [11, (g, x) => [g.op("Dropout", [x])]],
  "Softmax over everything": [11, (g, x) => [g.op("Softmax", [x], { axis: 1 })]],
  "Softmax over two axes": [11, (g, x) => [g.op("Softmax", [x], { axis: 2 })]],
  "Softmax by default": [11, (g, x) => [g.op("Softmax", [x])]],
  "Softmax over the last axis": [11, (g, x) => [g.op("Softmax", [x], { axis: -1 })]],
  "Softmax over channels, nothing behind": [11, (g, x) => [g.op("Softmax", [g.op("GlobalMaxPool", [x])])]],
  "LogSoftmax over everything": [11, (g, x) => [g.op("LogSoftmax", [x], { axis: 1 })]],
  "Split into sizes": [11, (g, x) => g.ops("Split", [x], 2, { axis: 1, split: [2, 4] })],
  "Split into equals": [11, (g, x) => g.ops("Split", [x], 3, { axis: 1 })],
  "Split into sizes by input": [13, (g, x) => g.ops("Split", [x, g.ints([1, 5])], 2, { axis: 1 })],
  "Squeeze named": [11, (g, x) => [g.op("Squeeze", [g.op("GlobalAveragePool", [x])], { axes: [2, 3] })]],
  "Squeeze all": [11, (g, x) => [g.op("Squeeze", [g.op("ReduceMean", [x], { axes: [1, -1] })])]],
  Unsqueeze: [11, (g, x) => [g.op("Unsqueeze", [x], { axes: [0, -1] })]],
  "Reductions, axes given": [
    11,
    (g, x) =>
      ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceSumSquare"].map((type) =>
        g.op(type, [x], { axes: [2, 3], keepdims: 0 }),
      ),
  ],
  "Reductions over everything": [13, (g, x) => ["ReduceSum", "ReduceMean"].map((type) => g.op(type, [x]))],
  BatchNormalization: [
    11,
    (g, x) => {
      const p = [1, 2, 3, 4].map((v) => g.parameter("p", new Float32Array(6).fill(v / 3), [6]));
      return [g.op("BatchNormalization", [x, ...p], { epsilon: 1e-3 })];
    },
  ],
  GroupNormalization: [
    18,
    (g, x) => {
      const p = [1, 2].map((v) => g.parameter("p", Float32Array.of(v, v / 2), [2]));
      return [g.op("GroupNormalization", [x, ...p], { num_groups: 2 })];
    },
  ],
  "what only changed its types": [
    11,
    (g, x) => {
      const zero = g.scalar(0);
      const sum = g.op("Add", [g.op("Clip", [x, zero, g.scalar(6)]), g.op("LeakyRelu", [x], { alpha: 0.1 })]);
      const padded = g.op("Pad", [sum, g.ints([0, 0, 1, 1, 0, 0, 1, 1]), zero]);
      return [
        g.op("MaxPool", [padded], pool),
        g.op("Reshape", [padded, g.ints([0, -1])]),
        g.op("Gather", [padded, g.ints([1, 0])], { axis: 1 }),
        g.op("Where", [g.op("Greater", [sum, zero]), sum, zero]),
        g.op("Slice", [sum, g.ints([0]), g.ints([2]), g.ints([2])]),
        g.op("Resize", [sum, none(g), none(g), g.ints([3, 6, 8, 8])]),
      ];
    },
  ],
};

function build(opset: number, body: (g: GraphBuilder, x: string) => string[]): ModelProto {
  const g = new GraphBuilder(opset);
  const x = g.input("x", [1, 6, 4, 4], undefined, ["N", 6, 4, 4]);
  // Outputs are declared by rank alone, as not all of them keep the batch first.
  for (const y of body(g, x))
    g.output(
      y,
      g.dims(y).map((_, i) => `${y}_${i}`),
    );
  return g.build("upgrade");
}

test.for(Object.entries(graphs))("%s", async ([, [opset, body]]) => {
  const model = build(opset, body);
  const expected = await run(model);
  for (const to of [13, 14, 18, 21].filter((v) => v > opset)) {
    const upgraded = upgradeOpset(model, to);
    expect(opsetOf(upgraded)).toBe(to);
    expect(validateModel(upgraded)).toBe(upgraded);
    expect(await run(upgraded), `opset ${to}`).toEqual(expected);
  }
});

test("AveragePool has another kernel in ONNX Runtime from opset 19 on: the last bit may differ", async () => {
  const model = build(11, (g, x) => [
    g.op("AveragePool", [x], pool),
    g.op("AveragePool", [x], { ...pool, ceil_mode: 1 }),
    g.op("AveragePool", [x], { ...pool, count_include_pad: 1 }),
  ]);
  const expected = await run(model);
  expect(await run(upgradeOpset(model, 18))).toEqual(expected);
  expect(largestDifference(await run(upgradeOpset(model, 21)), expected)).toBeLessThan(1e-6);
});

test.for(REAL_MODELS)("%s computes the same in opset 17 and 21", async (name, { skip }) => {
  needRealModels(skip);
  const model = realModel(name);
  const expected = await runModel(model);
  for (const to of [17, 21]) expect(await runModel(upgradeOpset(model, to))).toEqual(expected);
});

test("nothing happens to a model that is there already, and the original stays as it was", () => {
  const model = build(...graphs["Squeeze named"]!);
  const before = structuredClone(model);
  const upgraded = upgradeOpset(model, 17);
  expect(model).toEqual(before);
  expect(upgradeOpset(upgraded, 17)).toBe(upgraded);
  expect(upgraded.graph!.node.flatMap((n) => n.attribute.map((a) => a.name))).not.toContain("axes");
});

test("there is no way down, past the tables, or to what an opset cannot say", () => {
  const model = build(...graphs["Squeeze named"]!);
  for (const to of [10, 12, 22, 15.5]) expect(() => upgradeOpset(model, to)).toThrow(RangeError);
  const training = build(11, (g, x) => {
    const p = [1, 2, 3, 4].map(() => g.parameter("p", new Float32Array(6).fill(1), [6]));
    return g.ops("BatchNormalization", [x, ...p], 3);
  });
  expect(() => upgradeOpset(training, 17)).toThrow(/"batchnormalization".*is in training mode/);
  const computed = build(18, (g, x) => {
    const scale = g.op("Add", [g.parameter("p", Float32Array.of(1, 2), [2]), g.scalar(1)]);
    return [g.op("GroupNormalization", [x, scale, scale], { num_groups: 2 })];
  });
  expect(() => upgradeOpset(computed, 21)).toThrow(/computes its parameter "add"/);
  const resized = build(11, (g, x) => {
    return [
      g.op("Resize", [x, none(g), none(g), g.ints([1, 6, 8, 8])], {
        coordinate_transformation_mode: "tf_half_pixel_for_nn",
      }),
    ];
  });
  expect(() => upgradeOpset(resized, 13)).toThrow(/tf_half_pixel_for_nn/);
});
