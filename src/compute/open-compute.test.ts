// Real threads on a real network: the same answers as without them, in turn, and an end to everything that was begun.

import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { encoded } from "../../test/data/fixtures.ts";
import { randomFeeds } from "../../test/run-model.ts";
import { colourImage, toyProgressive } from "../../test/toy.ts";
import type { Answered, Outcome, Paused, Task } from "../engine/compute.ts";
import type { ComputePool } from "../engine/compute-pool.ts";
import { describeNetwork } from "../engine/network-info.ts";
import { openSlicedNetwork } from "../engine/open-sliced-network.ts";
import { runTask } from "../engine/run-task.ts";
import { encodeModel } from "../onnx/codec.ts";
import { writeModelFile } from "../onnx/file.ts";
import { createSession } from "../runtime/index.ts";
import { type ComputeOptions, openCompute } from "./open-compute.ts";

const model = toyProgressive({ seed: 3 });
const never = [1, 1, 1];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-compute-"));
  await writeModelFile(join(folder, "toy.onnx"), model);
});
afterAll(() => rm(folder, { recursive: true }));

async function open(options: Partial<ComputeOptions> = {}): Promise<ComputePool> {
  const compute = await openCompute({ model, cacheFolder: folder, ...options });
  onTestFinished(() => compute.close());
  await compute.prepare("input", "none", never);
  return compute;
}

function input(seed = 1): Float32Array {
  const [feed] = Object.values(randomFeeds(model, { seed }));
  return feed!.data as Float32Array;
}
const task = (change: Partial<Task> = {}): Task => {
  return { start: { kind: "input", values: input() }, cut: "none", thresholds: never, ...change };
};
function paused(outcome: Outcome): Paused {
  if (outcome.kind === "paused") return outcome;
  throw new Error("it is to pause");
}
const answerOf = (outcome: Outcome): Answered["answer"] | undefined =>
  outcome.kind === "answered" ? outcome.answer : undefined;

/** The order in which promises settle, by name. */
function order(promises: Record<string, Promise<unknown>>): Promise<string[]> {
  const settled: string[] = [];
  const all = Object.entries(promises).map(([name, promise]) => promise.finally(() => settled.push(name)));
  return Promise.allSettled(all).then(() => settled);
}

test.each([
  ["a path", () => join(folder, "toy.onnx")],
  ["bytes", () => encodeModel(model)],
  ["a model", () => model],
])("from %s: the network and its answers are those without threads", async (_, of) => {
  const compute = await open({ model: of() });
  expect(compute.network).toEqual(describeNetwork(model));
  const network = await openSlicedNetwork(model, { createSession });
  const expected = await runTask(network, task({ wantsLogits: true }), { now: () => 0 });
  const outcome = await compute.start(task({ wantsLogits: true }));
  if (expected.kind !== "answered" || outcome.kind !== "answered") throw new Error("not at the end");
  expect(outcome.answer.confidence).toBeCloseTo(expected.answer.confidence, 5);
  expect(outcome.answer).toMatchObject({ exit: expected.answer.exit, label: expected.answer.label });
  for (const [i, value] of outcome.logits!.entries()) expect(value).toBeCloseTo(expected.logits![i]!, 4);
  expect(outcome.times.slices).toHaveLength(3);
  await network.release();
});

test("a task goes on elsewhere from the packet, and here from the exact values, once", async () => {
  const compute = await open({ workers: 2 });
  const whole = answerOf(await compute.start(task()));
  const here = paused(await compute.start(task({ cut: "relu3", coding: { codec: "float32" } })));
  const start = { kind: "packet", cut: "relu3", bytes: here.packet.slice() } as const;
  const there = await compute.start(task({ start, ...(here.best && { best: here.best }) }));
  const resumed = await here.resume();
  for (const answer of [answerOf(there), resumed.answer])
    expect(answer).toEqual({ ...whole, confidence: expect.closeTo(whole!.confidence, 5) });
  await expect(here.resume()).rejects.toThrow(TypeError);
  here.drop();

  const dropped = paused(await compute.start(task({ cut: "relu3" })));
  dropped.drop();
  await expect(dropped.resume()).rejects.toMatchObject({ code: "Runtime" });
});

test("first come, first served, but a paused task goes on before new ones", async () => {
  const compute = await open({ slowdown: 20 });
  const held = paused(await compute.start(task({ cut: "relu2" })));
  const settled = order({
    first: compute.start(task()),
    second: compute.start(task()),
    held: held.resume(),
    third: compute.start(task()),
  });
  expect(compute.pending).toBe(4);
  expect(await settled).toEqual(["first", "held", "second", "third"]);
  expect(compute.pending).toBe(0);
});

test("two workers compute at the same time, and share one queue", async () => {
  const compute = await open({ workers: 2, slowdown: 100 });
  const [first, second, third] = await Promise.all(
    [1, 2, 3].map((seed) => compute.start(task({ start: { kind: "input", values: input(seed) } }))),
  );
  const computedMs = first!.times.slices.reduce((sum, { ms }) => sum + ms, 0);
  expect(second!.times.queueMs).toBeLessThan(computedMs / 2);
  expect(third!.times.queueMs).toBeGreaterThan(second!.times.queueMs);
  expect(third!.times.queueMs).toBeGreaterThan(Math.min(computedMs, third!.times.slices[0]!.ms) / 2);
});

test("a full queue refuses, and so do too many paused tasks", async () => {
  const compute = await open({ maxQueued: 1, maxPaused: 1 });
  const running = compute.start(task());
  const waiting = compute.start(task());
  await expect(compute.start(task())).rejects.toMatchObject({ code: "Overloaded" });
  await Promise.all([running, waiting]);
  const held = paused(await compute.start(task({ cut: "relu2" })));
  await expect(compute.start(task({ cut: "relu2" }))).rejects.toMatchObject({ code: "Overloaded" });
  await compute.start(task());
  held.drop();
  paused(await compute.start(task({ cut: "relu2" }))).drop();
});

test("an abort takes a waiting task away at once, and stops a running one between slices", async () => {
  const compute = await open({ slowdown: 1500 });
  // what takes microseconds is known after some times only
  for (let i = 0; i < 6; i++) await compute.start(task());
  const whole = await compute.start(task());
  const wholeMs = whole.times.slices.reduce((sum, { ms }) => sum + ms, 0);

  const [running, waiting, early] = [new AbortController(), new AbortController(), AbortSignal.abort()];
  const first = compute.start(task(), running.signal, () => running.abort());
  const second = compute.start(task(), waiting.signal);
  const third = compute.start(task());
  waiting.abort();
  await expect(second).rejects.toMatchObject({ code: "Aborted" });
  expect(compute.pending).toBe(2);
  await expect(first).rejects.toMatchObject({ code: "Aborted" });
  expect((await third).times.queueMs).toBeLessThan(0.8 * wholeMs);
  await expect(compute.start(task(), early)).rejects.toMatchObject({ code: "Aborted" });
});

test("an aborted task that had come to its cut keeps no state, nor does a resumption aborted while it waits", async () => {
  const compute = await open({ maxPaused: 1, slowdown: 50 });
  const abort = new AbortController();
  const started = compute.start(task({ cut: "relu2" }), abort.signal, () => abort.abort());
  await expect(started).rejects.toMatchObject({ code: "Aborted" });
  await compute.start(task());
  const held = paused(await compute.start(task({ cut: "relu2" })));
  const running = compute.start(task());
  const again = new AbortController();
  const resumed = held.resume(again.signal);
  again.abort();
  await expect(resumed).rejects.toMatchObject({ code: "Aborted" });
  await running;
  paused(await compute.start(task({ cut: "relu2" }))).drop();
});

test("memory is given away, but never what only lies beside it", async () => {
  const compute = await open();
  const own = input();
  const larger = new Float32Array(2 * own.length);
  await compute.start(task({ start: { kind: "input", values: larger.subarray(0, own.length) } }));
  expect(larger.length).toBe(2 * own.length);
  await compute.start(task({ start: { kind: "input", values: own } }));
  expect(own.length).toBe(0);
});

test("what comes from elsewhere is refused when it is no packet or image, or too large an image", async () => {
  const compute = await open({ maxImagePixels: 100 });
  const small = await encoded({ width: 8, height: 8, data: colourImage(1, 8, 1) }, "png");
  const bomb = await encoded({ width: 11, height: 10, data: new Uint8Array(330) }, "png");
  const garbage = (): Uint8Array => Uint8Array.from({ length: 300 }, (_, i) => i * 7);
  for (const start of [
    { kind: "packet", cut: "relu2", bytes: garbage() },
    { kind: "image", bytes: garbage() },
    { kind: "image", bytes: bomb },
  ] as const)
    await expect(compute.start(task({ start }))).rejects.toMatchObject({ code: "InvalidFrame" });
  expect(await compute.start(task({ start: { kind: "image", bytes: small } }))).toMatchObject({ kind: "answered" });
  await expect(compute.start(task({ cut: "relu9" }))).rejects.toThrow(RangeError);
});

test("the slowdown is changed while tasks run", async () => {
  const compute = await open();
  const msOf = async (): Promise<number> => {
    const times: number[] = [];
    for (let i = 0; i < 9; i++) times.push((await compute.start(task())).times.slices[0]!.ms);
    return times.sort((a, b) => a - b)[4]!;
  };
  const plainMs = await msOf();
  compute.setSlowdown(1000);
  const slowMs = await msOf();
  expect(slowMs).toBeGreaterThan(10 * plainMs);
  compute.setSlowdown(1);
  expect(await msOf()).toBeLessThan(slowMs / 5);
  expect(() => compute.setSlowdown(0.5)).toThrow(RangeError);
});

test("close() ends everything: what runs, what waits, what is kept", async () => {
  const compute = await open({ slowdown: 100 });
  const held = paused(await compute.start(task({ cut: "relu2" })));
  const tasks = [compute.start(task()), compute.start(task()), held.resume()];
  const ended = Promise.allSettled(tasks);
  await compute.close();
  for (const one of await ended) expect(one).toMatchObject({ status: "rejected", reason: { code: "Aborted" } });
  await expect(compute.start(task())).rejects.toMatchObject({ code: "Aborted" });
  await compute.close();
});

test("an idle pool does not keep the process alive, a busy one does", () => {
  const program = `
    const { openCompute } = await import("spinn/compute");
    const compute = await openCompute({ model: ${JSON.stringify(join(folder, "toy.onnx"))}, cacheFolder: ${JSON.stringify(folder)} });
    compute.start({ start: { kind: "input", values: new Float32Array(192) }, cut: "none", thresholds: [1, 1, 1] })
      .then((outcome) => console.log(outcome.kind));
  `;
  const cwd = fileURLToPath(new URL("../..", import.meta.url)); // from where "spinn" is found
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", program], { cwd, timeout: 100_000 });
  expect(printed.toString().trim()).toBe("answered");
});

test("what cannot be opened is told, and so are options that make no sense", async () => {
  const missing = join(folder, "missing.onnx");
  await expect(openCompute({ model: missing, workers: 2 })).rejects.toMatchObject({ code: "FileAccess" });
  await expect(openCompute({ model: Uint8Array.of(1, 2, 3) })).rejects.toMatchObject({ code: "InvalidModel" });
  for (const change of [{ threads: 0 }, { maxImagePixels: 0 }, { workers: -1 }, { slowdown: Number.NaN }])
    await expect(openCompute({ model, ...change })).rejects.toThrow(RangeError);
});
