// Candidate cuts: which ones there are, what crosses the link, what it costs before.

import { expect, test } from "vitest";
import { needRealModels, realModel } from "../../test/real-models.ts";
import { randomFeeds, runWith } from "../../test/run-model.ts";
import { GraphBuilder } from "../onnx/builder.ts";
import { countMacs } from "../onnx/flops.ts";
import { floatTensor, type ModelProto } from "../onnx/proto.ts";
import { sliceModel } from "../onnx/slice.ts";
import { cutCandidates } from "./cuts.ts";

const zeros = (g: GraphBuilder, dims: number[]): string =>
  g.parameter("w", new Float32Array(dims.reduce((a, b) => a * b)), dims);

/** A residual block between a stem and a classifier, with an exit that hangs off the inside of the block. */
function residual(): ModelProto {
  const g = new GraphBuilder();
  const x = g.input("image", [1, 2, 4, 4], undefined, ["N", 2, 4, 4]);
  const conv = (from: string, to: string): string =>
    g.op("Conv", [from, zeros(g, [2, 2, 3, 3])], { pads: [1, 1, 1, 1] }, to);
  const stem = g.op("Relu", [conv(x, "c0")], {}, "stem");
  const inner = g.op("Relu", [conv(stem, "c1")], {}, "inner");
  const head = g.op("Relu", [g.op("Flatten", [g.op("GlobalAveragePool", [inner])])], {}, "head_relu");
  const exit = g.op("Gemm", [head, zeros(g, [2, 3])], {}, "exit");
  const block = g.op("Relu", [g.op("Add", [conv(inner, "c2"), stem], {}, "sum")], {}, "block");
  const flat = g.op("Flatten", [g.op("GlobalAveragePool", [block], {}, "pooled")], {}, "flat");
  const logits = g.op("Gemm", [flat, zeros(g, [2, 3])], {}, "logits");
  g.output(exit, ["N", 3]);
  g.output(logits, ["N", 3]);
  return g.build("residual");
}

const conv = 2 * 16 * 18;
const shape = [1, 2, 4, 4];

test("cutCandidates() after ReLUs: a cut inside a block carries the skip, heads of exits do not count", () => {
  const nodes = residual().graph!.node;
  const at = (name: string): number => nodes.findIndex((n) => n.output[0] === name);
  const tensor = (name: string) => ({ name, shape });
  expect(cutCandidates(residual(), { output: "logits" })).toEqual([
    { id: "input", tensors: [tensor("image")], bytes: 128, macsBefore: 0, index: -1 },
    { id: "stem", tensors: [tensor("stem")], bytes: 128, macsBefore: conv, index: at("stem") },
    { id: "inner", tensors: [tensor("inner"), tensor("stem")], bytes: 256, macsBefore: 2 * conv, index: at("inner") },
    { id: "block", tensors: [tensor("block")], bytes: 128, macsBefore: 3 * conv, index: at("block") },
    { id: "none", tensors: [], bytes: 0, macsBefore: 3 * conv + 6, index: at("logits") },
  ]);
});

test("maxTensors leaves out the inside of blocks; the final output is found without being told", () => {
  expect(cutCandidates(residual(), { maxTensors: 1 }).map((c) => c.id)).toEqual(["input", "stem", "block", "none"]);
});

test('cuts: "any" knows every trunk node but the last', () => {
  const ids = cutCandidates(residual(), { cuts: "any" }).map((c) => c.id);
  const trunk = ["c0", "stem", "c1", "inner", "c2", "sum", "block", "pooled", "flat"];
  expect(ids).toEqual(["input", ...trunk, "none"]);
});

test("activations count where they leave zeros", () => {
  const g = new GraphBuilder();
  let x = g.input("image", [1, 4], undefined, ["N", 4]);
  const step = (op: string, name: string, extra: string[] = [], attributes = {}): void => {
    x = g.op("Add", [g.op(op, [x, ...extra], attributes, name), g.scalar(1)]);
  };
  const zeroNode = g.op("Constant", [], { value: floatTensor("", new Float32Array(1), []) });
  step("Relu", "relu");
  step("Clip", "relu6", [g.scalar(0), g.scalar(6)]);
  step("Clip", "relu6_of_node", [zeroNode, g.scalar(6)]);
  step("Clip", "relu6_of_float", [g.op("Constant", [], { value_float: 0 })]);
  step("HardSwish", "hard_swish");
  step("Clip", "clip_both_sides", [g.scalar(-1), g.scalar(1)]);
  step("Clip", "clip_above", ["", g.scalar(1)]);
  step("LeakyRelu", "leaky", [], { alpha: 0.1 });
  step("Sigmoid", "sigmoid");
  g.output(x, ["N", 4]);
  const ids = cutCandidates(g.build("activations")).map((c) => c.id);
  expect(ids).toEqual(["input", "relu", "relu6", "relu6_of_node", "relu6_of_float", "hard_swish", "none"]);
});

test("a node with several outputs is one cut", () => {
  const g = new GraphBuilder();
  const x = g.input("image", [1, 4]);
  const [left, right] = g.ops("Split", [x], 2, { axis: 1 }, "part");
  g.output(g.op("Mul", [left!, right!], {}, "y"));
  const cuts = cutCandidates(g.build("split"), { cuts: "any" });
  expect(cuts.map((c) => c.tensors.map((t) => t.name))).toEqual([["image"], ["part", "part_out1"], []]);
});

test.for([
  ["cifar10-resnet20", 1 + 19 + 1, 2],
  ["cifar10-resnet56", 1 + 55 + 1, 2],
  ["imagenet-mobilenetv2", 1 + 35 + 1, 2],
  ["imagenet-squeezenet1_1", 1 + 26 + 1, 2],
] as const)("%s has %i cuts after ReLUs with at most %i tensors", ([name, count, most], { skip }) => {
  needRealModels(skip);
  const model = realModel(name);
  const cuts = cutCandidates(model);
  expect(cuts).toHaveLength(count);
  expect(Math.max(...cuts.map((c) => c.tensors.length))).toBe(most);
  expect(cuts.at(-1)!.macsBefore).toBe(countMacs(model).total);
  expect(cuts.every((c) => c.id === "none" || c.bytes > 0)).toBe(true);
});

test("what a cut names is enough for both sides", async ({ skip }) => {
  needRealModels(skip);
  const model = realModel("imagenet-squeezenet1_1");
  const whole = await runWith(model, randomFeeds(model));
  for (const { tensors, macsBefore } of cutCandidates(model).slice(1, -1)) {
    const live = tensors.map((t) => t.name);
    const head = sliceModel(model, { from: ["input"], to: live });
    const tail = sliceModel(model, { from: live, to: ["logits"] });
    expect(countMacs(head).total).toBe(macsBefore);
    expect(countMacs(head).total + countMacs(tail).total).toBe(countMacs(model).total);
  }
  const { tensors } = cutCandidates(model)[4]!;
  const live = tensors.map((t) => t.name);
  const features = await runWith(sliceModel(model, { from: ["input"], to: live }), randomFeeds(model));
  expect(live.length).toBe(2);
  expect(await runWith(sliceModel(model, { from: live, to: ["logits"] }), features)).toEqual(whole);
});
