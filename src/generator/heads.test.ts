// The three heads on maps of every size, odd ones included.

import { expect, test } from "vitest";
import { GraphBuilder } from "../onnx/builder.ts";
import { countMacs } from "../onnx/flops.ts";
import { DataType, type ModelProto } from "../onnx/proto.ts";
import { createRng } from "../random.ts";
import { createSession } from "../runtime/index.ts";
import { float32, sizeOf } from "../tensor.ts";
import { affordableWidth, appendHead, type Head, type HeadKind, isHeadKind } from "./heads.ts";
import { Layers } from "./layers.ts";

const kinds: readonly HeadKind[] = ["msdnet", "sdn", "linear"];

function headOn(shape: readonly number[], classes: number, head: Head): ModelProto {
  const graph = new GraphBuilder(13);
  const x = graph.input("x", shape, DataType.FLOAT, ["N", ...shape.slice(1)]);
  graph.output(appendHead(new Layers(graph, createRng(1)), x, "exit1", classes, head), ["N", classes]);
  return graph.build("head");
}

test.for(
  kinds.flatMap((kind) =>
    [
      [5, 1, 1],
      [3, 2, 3],
      [4, 5, 7],
      [8, 8, 8],
      [3, 13, 27],
      [2, 55, 56],
    ].map((map) => [kind, map] as const),
  ),
)("%s runs on maps of %s", async ([kind, map]) => {
  const session = await createSession(headOn([1, ...map], 6, { kind, width: 16 }));
  const rng = createRng(3);
  const x = float32(
    Float32Array.from({ length: 2 * sizeOf(map) }, () => rng()),
    [2, ...map],
  );
  const { exit1_logits: logits } = await session.run({ x });
  expect(logits!.dims).toEqual([2, 6]);
  const values = [...(logits!.data as Float32Array)];
  expect(values.every(Number.isFinite)).toBe(true);
  expect(new Set(values).size).toBeGreaterThan(6);
  await session.release();
});

test("sdn's mix starts half way between maximum and average", async () => {
  const model = headOn([1, 1, 8, 8], 2, { kind: "sdn", width: 0 });
  const graph = model.graph!;
  const session = await createSession(model);
  const x = new Float32Array(64);
  x[0] = 4; // the first 2x2 window: maximum 4, average 1
  const zero = await session.run({ x: float32(new Float32Array(64), [1, 1, 8, 8]) });
  const one = await session.run({ x: float32(x, [1, 1, 8, 8]) });
  const weight = new Float32Array(
    graph.initializer.find((t) => t.name === "exit1.linear.weight")!.rawData.slice().buffer,
  );
  const rise = (one.exit1_logits!.data[0] as number) - (zero.exit1_logits!.data[0] as number);
  expect(rise).toBeCloseTo(2.5 * weight[0]!, 5);
  await session.release();
});

test("sdn pools to about 4x4, so that its linear layer stays small", () => {
  for (let side = 1; side <= 64; side++) {
    const weights = countMacs(headOn([1, 1, side, side], 2, { kind: "sdn", width: 0 })).total / 2;
    expect(weights).toBeLessThanOrEqual(25);
    if (side >= 4) expect(weights).toBeGreaterThanOrEqual(4);
  }
});

test("affordableWidth() is the widest multiple of 8 within 2.5 % of the trunk, from 16 to 128", () => {
  for (const [shape, classes, trunk] of [
    [[1, 16, 32, 32], 10, 125e6],
    [[1, 32, 27, 29], 1000, 300e6],
    [[1, 96, 7, 7], 100, 80e6],
    [[1, 128, 55, 55], 1000, 349e6],
  ] as const) {
    const width = affordableWidth(shape, classes, trunk);
    const share = (w: number): number => countMacs(headOn(shape, classes, { kind: "msdnet", width: w })).total / trunk;
    expect(width % 8).toBe(0);
    expect(width === 16 || share(width) <= 0.025).toBe(true);
    expect(width === 128 || share(width + 8) > 0.025).toBe(true);
  }
});

test("a head reads maps only, and kinds are told by name", () => {
  expect(() => headOn([1, 64], 10, { kind: "linear", width: 0 })).toThrow(/reads a map/);
  expect(isHeadKind("sdn")).toBe(true);
  expect(isHeadKind("constructor")).toBe(false);
});
