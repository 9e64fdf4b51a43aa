// createSession() against tiny graphs made here.

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { GraphBuilder } from "../onnx/builder.ts";
import { encodeModel } from "../onnx/codec.ts";
import { DataType, type ModelProto } from "../onnx/proto.ts";
import { float32, int64 } from "../tensor.ts";
import { createSession } from "./ort-node.ts";

/** Two outputs from one input `x` [N, 2]: `y` = relu(x), `z` = x + 1. */
function twoOutputs(): ModelProto {
  const g = new GraphBuilder();
  const x = g.input("x", [1, 2], DataType.FLOAT, ["N", 2]);
  g.output(g.op("Relu", [x], {}, "y"), ["N", 2]);
  g.output(g.op("Add", [x, g.scalar(1)], {}, "z"), ["N", 2]);
  return g.build("two");
}

test("a session takes a model message or its bytes and returns the same", async () => {
  const feeds = { x: float32(Float32Array.of(-1, 2, 3, -4), [2, 2]) };
  for (const model of [twoOutputs(), encodeModel(twoOutputs())]) {
    const session = await createSession(model);
    expect(session.inputNames).toEqual(["x"]);
    expect(session.outputNames).toEqual(["y", "z"]);
    const { y, z } = await session.run(feeds);
    expect(y).toEqual(float32(Float32Array.of(0, 2, 3, 0), [2, 2]));
    expect(z).toEqual(float32(Float32Array.of(0, 3, 4, -3), [2, 2]));
    await session.release();
    await session.release();
  }
});

test("run() computes only what is fetched", async () => {
  const session = await createSession(twoOutputs(), { threads: 2, optimization: "none" });
  const out = await session.run({ x: float32(new Float32Array(2), [1, 2]) }, ["z"]);
  expect(Object.keys(out)).toEqual(["z"]);
  await session.release();
});

test("booleans and 64-bit integers cross the boundary both ways", async () => {
  const g = new GraphBuilder();
  const flags = g.input("flags", [2], DataType.BOOL);
  const numbers = g.input("numbers", [2], DataType.INT64);
  g.output(g.op("Where", [flags, numbers, g.ints([7])], {}, "chosen"));
  g.output(g.op("Greater", [numbers, g.ints([1])], {}, "large"));
  const session = await createSession(g.build("types"));
  const flagFeed = { type: "uint8", dims: [2], data: Uint8Array.of(1, 0) } as const;
  const out = await session.run({ flags: flagFeed, numbers: int64([1, 2]) });
  expect(out.chosen).toEqual(int64([1, 7]));
  expect(out.large).toEqual({ type: "uint8", dims: [2], data: Uint8Array.of(0, 1) });
  await session.release();
});

test("what the runtime refuses is one line with its code", async () => {
  await expect(createSession(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: "InvalidModel" });
  await expect(createSession(twoOutputs(), { executionProviders: ["nonsense"] })).rejects.toMatchObject({
    code: "Runtime",
    message: expect.stringMatching(/nonsense\. This build has .*cpu/),
  });
  const broken = twoOutputs();
  broken.graph!.node[0]!.opType = "NoSuchOperator";
  await expect(createSession(broken)).rejects.toMatchObject({
    code: "Runtime",
    message: expect.stringMatching(/^[^\n]*NoSuchOperator[^\n]*$/),
  });
});

test("a missing, misshapen or mistyped feed and a released session fail as Runtime", async () => {
  const session = await createSession(twoOutputs());
  const ok = { x: float32(new Float32Array(2), [1, 2]) };
  await expect(session.run({})).rejects.toMatchObject({ code: "Runtime", message: expect.stringContaining("'x'") });
  await expect(session.run({ x: float32(new Float32Array(3), [1, 3]) })).rejects.toMatchObject({ code: "Runtime" });
  await expect(session.run({ x: int64([1, 2], [1, 2]) })).rejects.toMatchObject({ code: "Runtime" });
  await expect(session.run({ x: { ...ok.x, dims: [5] } })).rejects.toMatchObject({ code: "Runtime" });
  await expect(session.run(ok, ["nothing"])).rejects.toMatchObject({ code: "Runtime" });
  await session.release();
  await expect(session.run(ok)).rejects.toMatchObject({ code: "Runtime" });
});

test("profilePrefix leaves a profile behind", async () => {
  const folder = await mkdtemp(join(tmpdir(), "spinn-profile-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const session = await createSession(twoOutputs(), { profilePrefix: join(folder, "run") });
  await session.run({ x: float32(new Float32Array(2), [1, 2]) });
  await session.release();
  expect(await readdir(folder)).toEqual([expect.stringMatching(/^run_.*\.json$/)]);
});
