import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type InProcessCompute, openInProcessCompute } from "../../../test/in-process-compute.ts";
import { toyProgressive } from "../../../test/toy.ts";
import { TurnedClock } from "../../../test/turned-clock.ts";
import type { RunEnd } from "../../engine/cloud-events.ts";
import { createCloudEngine } from "../../engine/index.ts";
import { hashOfNetwork, type ServedNetwork } from "../served-network.ts";
import { SNAPSHOT_INTERVAL_MS, Watch } from "./watch.ts";

let compute: InProcessCompute;
let served: ServedNetwork;

beforeAll(async () => {
  compute = await openInProcessCompute(toyProgressive());
  served = { name: "toy", version: "1", hash: hashOfNetwork(compute), path: "toy.onnx", compute };
});
afterAll(() => compute.close());

interface Scene {
  readonly watch: Watch;
  readonly clock: TurnedClock;
  /** Half a second passes. */
  tick(): void;
  greets(connection: string, agent?: string): void;
  runs(connection: string, end: RunEnd, cut?: string): void;
}

function scene(): Scene {
  const clock = new TurnedClock();
  const engine = createCloudEngine({ networks: [compute] });
  const watch = new Watch({
    networks: () => [served],
    stats: () => engine.stats(),
    isDraining: () => false,
    agent: "spinn/1",
    clock,
    wallClock: () => 1_000_000 + clock.now(),
  });
  onTestFinished(() => watch.close());
  return {
    watch,
    clock,
    tick: () => clock.turn(SNAPSHOT_INTERVAL_MS),
    greets(connection, agent = "phone") {
      watch.onEvent({ kind: "connected", connection, peer: `peer of ${connection}` });
      watch.onEvent({ kind: "greeted", connection, network: served.hash, agent });
    },
    runs: (connection, end, cut = "input") =>
      watch.onEvent({ kind: "run", connection, network: served.hash, cut, receivedBytes: 100, totalMs: 9, end }),
  };
}

function answered(exit: number, queueMs = 2, batch = 1): RunEnd {
  const times = { slices: [{ from: "input", to: "none", ms: 5, batch }], unpackMs: 0, packMs: 0, queueMs };
  return { kind: "answered", exit, confident: true, sentBytes: 10, times };
}

test("counts what clients do, by client, network and in all", () => {
  const { watch, greets, runs, tick } = scene();
  greets("a");
  greets("b");
  for (const exit of [0, 0, 2]) runs("a", answered(exit));
  runs("b", answered(1), "relu1");
  runs("b", { kind: "refused", code: "busy", reason: "full" }, "no such cut");
  runs("b", { kind: "cancelled" });
  tick();
  const { clients, networks, totals, now, agent, startedAtMs, atMs } = watch.snapshot();
  expect({ agent, startedAtMs, atMs }).toEqual({ agent: "spinn/1", startedAtMs: 1_000_000, atMs: 1_000_500 });
  expect(clients).toMatchObject([
    { connection: "a", peer: "peer of a", agent: "phone", model: "toy", answered: 3, byExit: [2, 0, 1], cut: "input" },
    { connection: "b", answered: 1, refused: 1, receivedBytes: 300, sentBytes: 10, cut: "input" },
  ]);
  expect(networks).toMatchObject([
    {
      name: "toy",
      exits: ["exit1", "exit2", "final"],
      clients: 2,
      answered: 4,
      refused: 1,
      byExit: [2, 1, 1],
      byCut: [
        { cut: "input", count: 4 },
        { cut: "relu1", count: 1 },
      ],
    },
  ]);
  expect(totals).toMatchObject({ answered: 4, refused: 1, cancelled: 1, receivedBytes: 600, sentBytes: 40 });
  expect(totals.refusals).toEqual([{ code: "busy", count: 1 }]);
  expect(now).toMatchObject({ answeredPerSecond: 8, refusedPerSecond: 2, receivedBytesPerSecond: 1200 });
});

test("a point is half a second, whatever was before", () => {
  const { watch, runs, tick, clock } = scene();
  for (let i = 1; i <= 100; i++) runs("a", answered(0, i, 4));
  tick();
  expect(watch.snapshot().now).toMatchObject({
    answeredPerSecond: 200,
    meanBatch: 4,
    queueMs: { p50: 50, p95: 95 },
    computeMs: { p50: 5, p95: 5 },
  });
  expect(watch.snapshot().totals.batches).toEqual([{ images: 4, count: 25 }]);
  tick();
  expect(watch.snapshot().now).toMatchObject({ answeredPerSecond: 0, meanBatch: null, queueMs: null, computeMs: null });
  clock.turn(10 * 60_000);
  const history = watch.history();
  expect(history).toHaveLength(240);
  expect(history.at(-1)!.atMs - history[0]!.atMs).toBe(239 * SNAPSHOT_INTERVAL_MS);
});

test("says what happened, refusals by kind and not one by one", () => {
  const { watch, greets, runs, tick } = scene();
  greets("a", "x".repeat(10_000));
  watch.onEvent({ kind: "connected", connection: "z", peer: "10.1.1.1:5" });
  watch.onEvent({ kind: "refused", connection: "z", code: "protocol", reason: "no hello" });
  watch.onEvent({ kind: "left", connection: "z", reason: "no hello" });
  for (let i = 0; i < 1000; i++) {
    runs("a", { kind: "refused", code: "busy", reason: "full" });
    if (i % 100 === 0) tick();
  }
  runs("a", { kind: "refused", code: "deadline", reason: "late" });
  tick();
  watch.onEvent({ kind: "left", connection: "a", reason: "connection lost" });
  const { events, clients, totals } = watch.snapshot();
  expect(events.map(({ kind, text }) => [kind, text])).toEqual([
    ["left", "peer of a: connection lost"],
    ["refused", "runs: 1000 busy, 1 deadline"],
    ["turned-away", "10.1.1.1:5: no hello"],
    ["connected", `peer of a: ${"x".repeat(80)}, for toy`],
  ]);
  expect(clients).toEqual([]);
  expect(totals.refusals).toEqual([
    { code: "busy", count: 1000 },
    { code: "protocol", count: 1 },
    { code: "deadline", count: 1 },
  ]);
});

test("a crowd does not make the picture larger", () => {
  const { watch, greets, runs, tick } = scene();
  for (let i = 0; i < 2000; i++) {
    greets(`${i}`);
    runs(`${i}`, answered(0));
  }
  for (let i = 0; i < 5; i++) runs("1234", answered(0));
  tick();
  const { clients, networks, events } = watch.snapshot();
  expect(networks[0]!.clients).toBe(2000);
  expect(clients).toHaveLength(50);
  expect(clients[0]).toMatchObject({ connection: "1234", answered: 6 });
  expect(events).toHaveLength(30);
  expect(JSON.stringify(watch.snapshot()).length).toBeLessThan(40_000);
});

test("next() waits for a new picture, and never for ever", async () => {
  const { watch, tick } = scene();
  const first = watch.next();
  tick();
  await first;
  const last = watch.next();
  watch.close();
  await last;
  expect(watch.isClosed).toBe(true);
});

test("a network comes and goes", () => {
  const { watch } = scene();
  watch.onEvent({ kind: "network-added", network: served.hash });
  watch.onEvent({ kind: "network-retired", network: "0".repeat(32) });
  expect(watch.snapshot().events.map(({ text }) => text)).toEqual([
    "a network (00000000) is no longer served",
    `toy (${served.hash.slice(0, 8)}) is served`,
  ]);
});
