// Convolutions in the runtime's blocked layout: the self-test, and the same training step as with ordinary ones.

import { expect, test } from "vitest";
import { randomFeeds, runWith } from "../../test/run-model.ts";
import { toyProgressive } from "../../test/toy.ts";
import { GraphBuilder } from "../onnx/builder.ts";
import { graphOf } from "../onnx/graph-index.ts";
import type { ModelProto } from "../onnx/proto.ts";
import { createRng, normal } from "../random.ts";
import { createSession } from "../runtime/index.ts";
import type { CreateSession, Session } from "../runtime/runtime.ts";
import { float32, sizeOf, type Tensor } from "../tensor.ts";
import { blockedConv, isBlockable, usableBlock } from "./blocked-conv.ts";
import { differentiate } from "./differentiate.ts";

const block = await usableBlock(createSession, ["cpu"]);
const needBlocks = (skip: (condition: boolean, note?: string) => void): void =>
  skip(block === 0, "this machine's runtime has no blocked convolutions");

const isBlocked = (model: Uint8Array | ModelProto): boolean =>
  !(model instanceof Uint8Array) && graphOf(model).node.some((n) => n.domain === "com.microsoft.nchwc");

test("usableBlock() is a block size or 0, and 0 for other providers than the CPU's", async () => {
  expect([0, 8, 16]).toContain(block);
  const never: CreateSession = () => Promise.reject(new Error("must not be asked"));
  expect(await usableBlock(never, ["cuda", "cpu"])).toBe(0);
});

test("usableBlock() is 0 where the runtime refuses the operators, or computes something else", async () => {
  const refusing: CreateSession = async (model, options) => {
    if (isBlocked(model)) throw new Error("no such operator");
    return await createSession(model, options);
  };
  expect(await usableBlock(refusing, ["cpu"])).toBe(0);
  let sessions = 0;
  const wrong: CreateSession = async (model, options): Promise<Session> => {
    if (!isBlocked(model)) return await createSession(model, options);
    sessions++;
    const run = async (): Promise<Record<string, Tensor>> => {
      const { name } = graphOf(model as ModelProto).output[0]!;
      return { [name]: float32(new Float32Array(2 * 48 * 6 * 5), [2, 48, 6, 5]) };
    };
    return { inputNames: [], outputNames: [], run, release: async () => {} };
  };
  expect(await usableBlock(wrong, ["cpu"])).toBe(0);
  expect(sessions).toBe(2);
});

test("isBlockable() wants whole blocks of both channels and one group", () => {
  expect(isBlockable(16, [32, 16, 3, 3], 1)).toBe(true);
  expect(isBlockable(8, [8, 24, 1, 1], 1)).toBe(true);
  expect(isBlockable(16, [16, 3, 3, 3], 1)).toBe(false);
  expect(isBlockable(16, [24, 16, 3, 3], 1)).toBe(false);
  expect(isBlockable(16, [32, 16, 3, 3], 2)).toBe(false);
  expect(isBlockable(0, [32, 16, 3, 3], 1)).toBe(false);
});

test.for([
  { what: "3x3", kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], out: [7, 9] },
  { what: "3x3 stride 2 on odd sides", kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], out: [4, 5] },
  { what: "1x1 stride 2", kernel: [1, 1], strides: [2, 2], pads: [0, 0, 0, 0], out: [4, 5] },
  { what: "3x1, padded below only", kernel: [3, 1], strides: [1, 1], pads: [0, 0, 1, 0], out: [6, 9] },
])("blockedConv() is Conv: $what", async ({ kernel, strides, pads, out }, { skip }) => {
  needBlocks(skip);
  const compute = async (blocked: boolean): Promise<Tensor> => {
    const b = new GraphBuilder(17);
    b.input("x", [3, 2 * block, 7, 9]);
    b.input("w", [3 * block, 2 * block, ...kernel]);
    b.input("bias", [3 * block]);
    const window = { kernel, strides, dilations: [1, 1], pads, out };
    const y = blocked
      ? blockedConv(b, block, "x", "w", "bias", window, "y")
      : b.op("Conv", ["x", "w", "bias"], { kernel_shape: kernel, strides, pads }, "y");
    expect(y).toBe("y");
    b.output(y);
    const model = b.build("one");
    return (await runWith(model, randomFeeds(model))).y!;
  };
  const [plain, blocked] = [await compute(false), await compute(true)];
  expect(blocked.dims).toEqual(plain.dims);
  expect(relativeDifference(blocked, plain)).toBeLessThan(1e-4);
});

test("a training step with blocks equals the one without", async ({ skip }) => {
  needBlocks(skip);
  // The first convolution has 3 input channels and stays ordinary; stride 2 is among the others.
  const model = toyProgressive({ width: 2 * block });
  const batch = 4;
  const rng = createRng(3);
  const step = async (usedBlock: number): Promise<Record<string, Tensor>> => {
    const graph = differentiate(model, { batch, block: usedBlock });
    const convolutions = graphOf(graph.model).node.filter((n) => n.domain === "com.microsoft.nchwc");
    expect(convolutions.length > 0).toBe(usedBlock > 0);
    return await runWith(graph.model, feeds(graph.parameterCount));
  };
  const images = random([batch, 3, 8, 8], 1);
  const targets = float32(Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 0.2, 0.3, 0.5), [batch, 3]);
  const weights = random([differentiate(model, { batch }).parameterCount], 0.2);
  const feeds = (parameterCount: number): Record<string, Tensor> => {
    expect(weights.data.length).toBe(parameterCount);
    return { images, targets, tau: float32(Float32Array.of(0.3, 0.6, 1), [3]), parameters: weights };
  };
  const [plain, blocked] = [await step(0), await step(block)];
  expect(Object.keys(plain).sort()).toEqual(["gradients", "hits", "losses", "statistics"]);
  for (const name of Object.keys(plain))
    expect(relativeDifference(blocked[name]!, plain[name]!), name).toBeLessThan(1e-4);

  function random(dims: readonly number[], scale: number): Tensor {
    return float32(
      Float32Array.from({ length: sizeOf(dims) }, () => scale * normal(rng)),
      dims,
    );
  }
});

/** Largest difference, over the largest value. */
function relativeDifference(a: Tensor, b: Tensor): number {
  expect(a.dims).toEqual(b.dims);
  const [x, y] = [a.data as Float32Array, b.data as Float32Array];
  const scale = y.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
  return x.reduce((max, v, i) => Math.max(max, Math.abs(v - y[i]!)), 0) / scale;
}
