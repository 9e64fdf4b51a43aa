// Where a network can be interrupted with one tensor, on small graphs with skips, branches and exits.

import { expect, test } from "vitest";
import { needRealModels, realModel } from "../../test/real-models.ts";
import { articulationPoints } from "./articulation-points.ts";
import { GraphBuilder } from "./builder.ts";
import type { ModelProto } from "./proto.ts";
import { boundaryAfter, trunkOf } from "./trunk.ts";

const weights = (g: GraphBuilder, dims: number[]): string =>
  g.parameter("w", new Float32Array(dims.reduce((a, b) => a * b)), dims);

/** stem -> residual block (conv, relu, conv, add) -> pool -> logits, with an exit on the block's output. */
function residual(): ModelProto {
  const g = new GraphBuilder();
  const x = g.input("x", [1, 2, 4, 4], undefined, ["N", 2, 4, 4]);
  const conv = (from: string, name: string): string =>
    g.op("Conv", [from, weights(g, [2, 2, 3, 3])], { pads: [1, 1, 1, 1] }, name);
  const stem = g.op("Relu", [conv(x, "stem_conv")], {}, "stem");
  const inner = g.op("Relu", [conv(stem, "a")], {}, "inner");
  const block = g.op("Relu", [g.op("Add", [conv(inner, "b"), stem], {}, "sum")], {}, "block");
  const exit = g.op("Flatten", [g.op("GlobalAveragePool", [block])], {}, "exit");
  const logits = g.op("Flatten", [g.op("GlobalMaxPool", [conv(block, "last")], {}, "pooled")], {}, "logits");
  g.output(exit, ["N", 2]);
  g.output(logits, ["N", 2]);
  return g.build("residual");
}

test("articulationPoints() leaves out the inside of a residual block and the heads of exits", () => {
  const conv = 2 * 16 * 18;
  expect(articulationPoints(residual())).toEqual([
    { name: "stem_conv", shape: [1, 2, 4, 4], op: "Conv", macsBefore: conv },
    { name: "stem", shape: [1, 2, 4, 4], op: "Relu", macsBefore: conv },
    { name: "sum", shape: [1, 2, 4, 4], op: "Add", macsBefore: 3 * conv },
    { name: "block", shape: [1, 2, 4, 4], op: "Relu", macsBefore: 3 * conv },
    { name: "last", shape: [1, 2, 4, 4], op: "Conv", macsBefore: 4 * conv },
    { name: "pooled", shape: [1, 2, 1, 1], op: "GlobalMaxPool", macsBefore: 4 * conv },
  ]);
});

test("boundaryAfter() names the skip connection too", () => {
  const { live, before } = boundaryAfter(trunkOf(residual()), "inner");
  expect(live).toEqual(["inner", "stem"]);
  expect([...before].map((n) => n.output[0])).toEqual(["stem_conv", "stem", "a", "inner"]);
});

test("trunkOf() takes the costliest output as the final one unless told otherwise", () => {
  expect(trunkOf(residual()).output).toBe("logits");
  const upToExit = trunkOf(residual(), { output: "exit" });
  expect(upToExit.nodes.map((n) => n.output[0])).not.toContain("last");
  expect(() => trunkOf(residual(), { output: "block" })).toThrow(RangeError);
});

test("what follows from constants alone is never live", () => {
  const g = new GraphBuilder();
  const x = g.input("x", [1, 2]);
  const constant = g.op("Mul", [weights(g, [2]), g.scalar(2)], {}, "constant");
  const first = g.op("Add", [x, constant], {}, "first");
  g.output(g.op("Mul", [first, constant], {}, "last"));
  expect(articulationPoints(g.build("constants")).map((p) => p.name)).toEqual(["first"]);
});

test("a multi-branch network can be interrupted only where the branches meet", () => {
  const g = new GraphBuilder();
  const x = g.input("x", [1, 4, 2, 2]);
  const [left, right] = g.ops("Split", [x], 2, { axis: 1 }, "part");
  const joined = g.op("Concat", [g.op("Relu", [left!]), right!], { axis: 1 }, "joined");
  g.output(g.op("Relu", [joined], {}, "out"));
  const model = g.build("branches");
  expect(articulationPoints(model).map((p) => p.name)).toEqual(["joined"]);
  expect(boundaryAfter(trunkOf(model), "relu").live).toEqual(["relu", "part_out1"]);
});

test("real networks: every ResNet block and SqueezeNet fire module ends in one", ({ skip }) => {
  needRealModels(skip);
  const names = (model: ModelProto): string[] => articulationPoints(model).map((p) => p.name);
  const resnet = names(realModel("cifar10-resnet56"));
  for (const layer of [1, 2, 3]) for (let i = 0; i < 9; i++) expect(resnet).toContain(`layer${layer}.${i}`);
  const squeezenet = names(realModel("imagenet-squeezenet1_1"));
  for (let i = 2; i <= 9; i++) expect(squeezenet).toContain(`fire${i}`);
  const costs = articulationPoints(realModel("imagenet-mobilenetv2")).map((p) => p.macsBefore);
  expect(costs).toEqual([...costs].sort((a, b) => a - b));
  expect(costs.length).toBeGreaterThan(30);
});
