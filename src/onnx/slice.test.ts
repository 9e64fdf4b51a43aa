// Head, then tail, is the whole, bit for bit; ends that cannot work are refused.

import { expect, test } from "vitest";
import { needRealModels, REAL_MODELS, realModel } from "../../test/real-models.ts";
import { largestDifference, randomFeeds, runWith } from "../../test/run-model.ts";
import { createSession, type SessionOptions } from "../runtime/index.ts";
import type { Tensor } from "../tensor.ts";
import { GraphBuilder } from "./builder.ts";
import { DataType, declaredType, type ModelProto } from "./proto.ts";
import { sliceModel } from "./slice.ts";
import { boundaryAfter, trunkOf } from "./trunk.ts";
import { validateModel } from "./validate.ts";

async function run(
  model: ModelProto,
  feeds: Record<string, Tensor>,
  options: SessionOptions,
): Promise<Record<string, Tensor>> {
  const session = await createSession(model, options);
  const result = await session.run(feeds);
  await session.release();
  return result;
}

/** One trunk tensor in `step`, starting with the first. */
function places(model: ModelProto, step: number): string[] {
  const names = trunkOf(model).nodes.map((node) => node.output[0]!);
  return names.slice(0, -1).filter((_, i) => i % step === 0);
}

test.for(REAL_MODELS)("%s: cut anywhere, head and tail equal the whole bit for bit", async (name, { skip }) => {
  needRealModels(skip);
  const model = realModel(name);
  const trunk = trunkOf(model);
  const feeds = randomFeeds(model, { batch: 2 });
  const plain = { optimization: "none" } as const;
  const whole = await run(model, feeds, plain);
  for (const place of places(model, 17)) {
    const { live, macsBefore } = boundaryAfter(trunk, place);
    const to = [trunk.output];
    const head = validateModel(sliceModel(model, { from: ["input"], to: live }));
    const tail = validateModel(sliceModel(model, { from: live, to }));
    // Without the runtime's fusions across the cut both sides do the very same arithmetic.
    const features = await run(head, { ...feeds }, plain);
    expect(await run(tail, features, plain), `cut after ${place}`).toEqual(whole);
    expect(head.graph!.node.length + tail.graph!.node.length).toBe(model.graph!.node.length);
    expect(macsBefore).toBeGreaterThan(0);
  }
});

test.for(REAL_MODELS)("%s: optimised apart, the two parts differ by rounding alone", async (name, { skip }) => {
  needRealModels(skip);
  const model = realModel(name);
  const trunk = trunkOf(model);
  const feeds = randomFeeds(model);
  const whole = await runWith(model, feeds);
  const relus = trunk.nodes.filter((node) => node.opType === "Relu" || node.opType === "Clip");
  for (const node of relus.filter((_, i) => i % 5 === 0)) {
    const { live } = boundaryAfter(trunk, node.output[0]!);
    const features = await runWith(sliceModel(model, { from: ["input"], to: live }), feeds);
    const tail = sliceModel(model, { from: live, to: [trunk.output] });
    // The runtime fuses and lays out each part in its own way.
    expect(largestDifference(await runWith(tail, features), whole), `cut after ${node.output[0]}`).toBeLessThan(1e-4);
  }
});

/** Two inputs, a split, a skip: x -> split -> (left, right) -> relu(left) * right + bias -> y. */
function branched(batch: number | string = "B"): ModelProto {
  const g = new GraphBuilder();
  const x = g.input("x", [1, 4], DataType.FLOAT, [batch, 4]);
  const bias = g.input("bias", [1, 2], DataType.FLOAT, [batch, 2]);
  const [left, right] = g.ops("Split", [x], 2, { axis: 1 }, "part");
  const product = g.op("Mul", [g.op("Relu", [left!], {}, "relu"), right!], {}, "product");
  const scaled = g.op("Mul", [product, g.parameter("scale", Float32Array.of(3), [1])], {}, "scaled");
  g.output(g.op("Add", [scaled, bias], {}, "y"), [batch, 2]);
  g.parameter("unused", new Float32Array(1), [1]);
  return g.build("branched");
}

const dims = (model: ModelProto, side: "input" | "output") =>
  model.graph![side].map((info) => [info.name, declaredType(info)!.dims]);

test("a slice has the nodes and weights it needs, and the batch stays open", () => {
  const slice = sliceModel(branched(), { from: ["product"], to: ["scaled"] });
  expect(slice.graph!.node.map((n) => n.output[0])).toEqual(["scaled"]);
  expect(slice.graph!.initializer.map((t) => t.name)).toEqual(["scale"]);
  expect(dims(slice, "input")).toEqual([["product", ["B", 2]]]);
  expect(dims(slice, "output")).toEqual([["scaled", ["B", 2]]]);
});

test("a fixed batch stays fixed, and a dimension that holds the batch among others is open", () => {
  expect(dims(sliceModel(branched(5), { from: ["product"], to: ["scaled"] }), "input")).toEqual([["product", [5, 2]]]);
  const g = new GraphBuilder();
  const x = g.input("x", [1, 6], DataType.FLOAT, ["N", 6]);
  const rows = g.op("Reshape", [x, g.ints([-1, 2])], {}, "rows");
  g.output(g.op("Reshape", [g.op("Relu", [rows]), g.ints([-1, 6])], {}, "y"));
  const slice = sliceModel(g.build("rows"), { from: ["rows"], to: ["y"] });
  expect(dims(slice, "input")).toEqual([["rows", ["rows_0", 2]]]);
  expect(dims(slice, "output")).toEqual([["y", ["N", 6]]]);
});

test("a network that can only take one image is cut as such", () => {
  const g = new GraphBuilder();
  const x = g.input("x", [1, 6], DataType.FLOAT, ["N", 6]);
  const fixed = g.op("Reshape", [x, g.ints([1, 6])], {}, "fixed");
  g.output(g.op("Relu", [fixed], {}, "y"));
  expect(dims(sliceModel(g.build("one"), { from: ["fixed"], to: ["y"] }), "input")).toEqual([["fixed", [1, 6]]]);
});

test("several inputs, several outputs, and a node of which one output is given", async () => {
  const model = branched();
  const feeds = randomFeeds(model, { batch: 3 });
  const whole = await runWith(model, feeds);
  const head = await runWith(sliceModel(model, { from: ["x"], to: ["relu", "part"] }), { x: feeds.x! });
  expect(Object.keys(head)).toEqual(["relu", "part"]);
  const tail = validateModel(sliceModel(model, { from: ["bias", "part", "x"], to: ["y"] }));
  expect(tail.graph!.node.find((n) => n.opType === "Split")!.output).toEqual(["part_computed", "part_out1"]);
  const { part } = head;
  expect(await runWith(tail, { bias: feeds.bias!, part: part!, x: feeds.x! })).toEqual(whole);
});

test("ends that cannot work are named", () => {
  const model = branched();
  expect(() => sliceModel(model, { from: ["relu"], to: ["y"] })).toThrow(
    /Cannot compute "y" from "relu" alone: input "(x|bias)" is needed too/,
  );
  expect(() => sliceModel(model, { from: ["nowhere"], to: ["y"] })).toThrow(RangeError);
  expect(() => sliceModel(model, { from: ["x"], to: ["nowhere"] })).toThrow(/no such tensor/);
  expect(() => sliceModel(model, { from: ["x", "bias"], to: ["x"] })).toThrow(/both given and wanted/);
});

test("metadata of the whole is left behind, the model itself is not touched", () => {
  const model = branched();
  model.metadataProps.push({ $typeName: "onnx.StringStringEntryProto", key: "k", value: "v" });
  const before = structuredClone(model);
  expect(sliceModel(model, { from: ["product"], to: ["scaled"] }).metadataProps).toEqual([]);
  expect(model).toEqual(before);
});
