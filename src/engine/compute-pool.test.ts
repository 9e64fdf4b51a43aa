// A pool whose workers end: what was with them fails, the rest goes on, and it is not tried for ever. The workers are threads
// that speak the protocol and end on demand.

import { Worker } from "node:worker_threads";
import { expect, onTestFinished, test } from "vitest";
import { toyProgressive } from "../../test/toy.ts";
import type { Task } from "./compute.ts";
import { type ComputePool, openPool, type PoolOptions } from "./compute-pool.ts";
import type { ComputeReply, ComputeRequest } from "./compute-protocol.ts";
import { describeNetwork } from "./network-info.ts";
import type { SpawnWorker } from "./worker-slot.ts";

const network = describeNetwork(toyProgressive());

/** Answers with the first threshold as confidence; ends for good where that is 0. Told `broken`, it ends at once. */
const code = `
  const { parentPort, workerData } = require("node:worker_threads");
  if (workerData.broken) process.exit(4);
  parentPort.postMessage({ kind: "ready", network: workerData.network });
  const times = { slices: [], unpackMs: 0, packMs: 0 };
  parentPort.on("message", (request) => {
    const { id, kind, task } = request;
    if (kind === "prepare") return parentPort.postMessage({ kind: "prepared", id });
    if (kind !== "start") return;
    const confidence = task.thresholds[0];
    if (confidence === 0) process.exit(3);
    const answer = { exit: 0, label: 1, confidence };
    if (task.cut === "none") parentPort.postMessage({ kind: "answered", id, answer, confident: true, times });
    else parentPort.postMessage({ kind: "paused", id, packet: new Uint8Array(3), times });
  });
`;

/** @param isBroken asked with each start, from 0 */
function threads(isBroken: (start: number) => boolean = () => false): { spawn: SpawnWorker; starts: () => number } {
  let starts = 0;
  const spawn: SpawnWorker = (events) => {
    const thread = new Worker(code, { eval: true, workerData: { network, broken: isBroken(starts++) } });
    thread.on("message", (reply) => events.reply(reply));
    thread.on("exit", (status) => events.ended(`status ${status}`));
    return {
      post: (request, transfer) => thread.postMessage(request, transfer),
      hold: (alive) => (alive ? thread.ref() : thread.unref()),
      end: async () => void (await thread.terminate()),
    };
  };
  return { spawn, starts: () => starts };
}

async function open(spawn: SpawnWorker, options: PoolOptions = {}): Promise<ComputePool> {
  const pool = await openPool(spawn, options);
  onTestFinished(() => pool.close());
  return pool;
}

const task = (confidence: number, cut = "none"): Task => {
  return { start: { kind: "input", values: new Float32Array(192) }, cut, thresholds: [confidence, 1, 1] };
};
const deadly = (): Task => task(0);
const runtimeError = { code: "Runtime", message: expect.stringContaining("status") };

test("a worker that ends takes its task along, and is started again for the next", async () => {
  const { spawn, starts } = threads();
  const pool = await open(spawn);
  const tasks = [pool.start(deadly()), pool.start(task(0.5)), pool.start(deadly()), pool.start(task(0.7))];
  expect(pool.pending).toBe(4);
  const results = await Promise.allSettled(tasks);
  expect(results).toMatchObject([
    { status: "rejected", reason: runtimeError },
    { status: "fulfilled", value: { answer: { confidence: 0.5 } } },
    { status: "rejected", reason: runtimeError },
    { status: "fulfilled", value: { answer: { confidence: 0.7 } } },
  ]);
  expect(starts()).toBe(3);
  expect(pool.pending).toBe(0);
});

test("the states that a worker kept are gone with it", async () => {
  const { spawn } = threads();
  const pool = await open(spawn);
  const paused = await pool.start(task(0.5, "relu2"));
  if (paused.kind !== "paused") throw new Error("it is to pause");
  await expect(pool.start(deadly())).rejects.toMatchObject(runtimeError);
  await expect(paused.resume()).rejects.toMatchObject({ code: "Runtime", message: expect.stringContaining("gone") });
  paused.drop();
});

test("another worker goes on meanwhile", async () => {
  const { spawn } = threads();
  const pool = await open(spawn, { workers: 2 });
  const broken = expect(pool.start(deadly())).rejects.toMatchObject(runtimeError);
  for (let i = 1; i <= 20; i++)
    expect(await pool.start(task(i / 20))).toMatchObject({ answer: { confidence: i / 20 } });
  await broken;
});

test("a worker that ends again and again is given up, and so is what waits for it", async () => {
  const { spawn, starts } = threads((start) => start > 0);
  const pool = await open(spawn);
  const tasks = [pool.start(deadly()), pool.start(task(0.5)), pool.prepare("input", "none", [1, 1, 1])];
  for (const one of await Promise.allSettled(tasks))
    expect(one).toMatchObject({ status: "rejected", reason: runtimeError });
  expect(starts()).toBe(5);
  await expect(pool.start(task(0.5))).rejects.toMatchObject(runtimeError);
});

test("a worker that cannot even be started again is given up likewise", async () => {
  const { spawn, starts } = threads();
  const pool = await open((events) => {
    if (starts() > 0) throw new TypeError("no more threads");
    return spawn(events);
  });
  await expect(pool.start(deadly())).rejects.toMatchObject(runtimeError);
  await expect(pool.start(task(0.5))).rejects.toMatchObject({ code: "Runtime", message: "no more threads" });
});

test("a worker that never gets ready is not tried again", async () => {
  const { spawn, starts } = threads((start) => start === 1);
  await expect(openPool(spawn, { workers: 2 })).rejects.toMatchObject(runtimeError);
  expect(starts()).toBe(2);
});

test("options that make no sense are refused", async () => {
  const { spawn, starts } = threads();
  for (const options of [
    { workers: 0 },
    { workers: 1.5 },
    { maxQueued: -1 },
    { maxPaused: Number.NaN },
    { slowdown: 0 },
  ])
    await expect(openPool(spawn, options)).rejects.toThrow(RangeError);
  expect(starts()).toBe(0);
});

/** A worker by hand, with four places: it keeps what it is given until it is told to answer. */
function byHand(): { spawn: SpawnWorker; clients: () => string[]; answer: (client: string) => void } {
  const held: Extract<ComputeRequest, { readonly kind: "start" }>[] = [];
  let reply!: (reply: ComputeReply) => void;
  const spawn: SpawnWorker = (events) => {
    reply = events.reply;
    queueMicrotask(() => {
      reply({ kind: "ready", network });
      reply({ kind: "room", jobs: 4 });
    });
    return {
      post: (request) => void (request.kind === "start" && held.push(request)),
      hold: () => undefined,
      end: async () => undefined,
    };
  };
  return {
    spawn,
    clients: () => held.map(({ task }) => task.client ?? ""),
    answer: (client) => {
      const place = held.findIndex(({ task }) => task.client === client);
      const { id } = held[place]!;
      held.splice(place, 1);
      const answer = { exit: 0, label: 1, confidence: 1 };
      const times = { slices: [{ from: "input", to: "relu1", ms: 100 }], unpackMs: 0, packMs: 0 };
      reply({ kind: "answered", id, answer, confident: true, times });
    },
  };
}

test("a client has its share of the places, and all of them when it is alone", async () => {
  const { spawn, clients, answer } = byHand();
  const pool = await open(spawn);
  const ask = (client: string): Promise<unknown> => pool.start({ ...task(1), client }).catch(() => undefined);
  void ask("modest");
  answer("modest");
  for (let i = 0; i < 6; i++) void ask("greedy");
  expect(clients()).toEqual(["greedy", "greedy"]);
  void ask("modest");
  void ask("modest");
  expect(clients()).toEqual(["greedy", "greedy", "modest", "modest"]);
  answer("modest");
  expect(clients()).toEqual(["greedy", "greedy", "modest"]);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  answer("modest");
  expect(clients()).toEqual(["greedy", "greedy", "greedy", "greedy"]);
});

test("a client that has waited for long, and asked for nothing since, is served like others", async () => {
  const { spawn, clients, answer } = byHand();
  const pool = await open(spawn);
  const first = Array.from({ length: 4 }, () => pool.start({ ...task(1), client: "first" }));
  const patient = pool.start({ ...task(1), client: "patient" });
  await new Promise((resolve) => setTimeout(resolve, 1100));
  for (let i = 0; i < 4; i++) answer("first");
  await Promise.all(first);
  expect(clients()).toEqual(["patient"]);
  answer("patient");
  expect(await patient).toMatchObject({ kind: "answered" });
});

test("who would wait until after the deadline hears so at once", async () => {
  const { spawn, clients, answer } = byHand();
  const pool = await open(spawn);
  const ask = (client: string, deadlineMs: number): Promise<unknown> => pool.start({ ...task(1), client, deadlineMs });
  for (let i = 0; i < 8; i++) {
    const done = ask("a", 1e6);
    answer("a");
    await done;
  }
  const waiting = Array.from({ length: 14 }, () => ask("a", 1e6).catch(() => undefined));
  expect(clients()).toHaveLength(4);
  await expect(ask("a", 500)).rejects.toMatchObject({ code: "Overloaded", message: expect.stringMatching(/its turn/) });
  // of another client not so much comes first
  const other = ask("b", 500).catch(() => undefined);
  expect(pool.pending).toBe(15);
  await pool.close();
  await Promise.all([...waiting, other]);
});
