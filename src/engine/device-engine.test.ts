import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { type InProcessCompute, openInProcessCompute } from "../../test/in-process-compute.ts";
import { RawServer, settled } from "../../test/raw-server.ts";
import { colourImage, toyNetwork, toyProgressive } from "../../test/toy.ts";
import { TurnedClock } from "../../test/turned-clock.ts";
import type { Pixels } from "../image/pixels.ts";
import { createRng } from "../random.ts";
import type { RefuseCode, Result } from "../wire/message.ts";
import { createDeviceEngine, type DeviceEngine, type DeviceEngineOptions } from "./device-engine.ts";
import { makePlan } from "./device-plan.ts";

/** Early exits are computed but never sure: everything is handed over. */
const unsure = [1, 1, 0];
const cut = "relu3";
const image: Pixels = { width: 8, height: 8, data: colourImage(1, 8, 1) };

let compute: InProcessCompute;
let clock: TurnedClock;

beforeEach(async () => {
  compute = await openInProcessCompute(toyProgressive());
  clock = new TurnedClock();
});
afterEach(() => compute.close());

function open(options: Partial<DeviceEngineOptions> = {}): DeviceEngine {
  const plan = makePlan(compute.network, { cut, threshold: unsure });
  const engine = createDeviceEngine({ compute, plan, clock, rng: createRng(1), ...options });
  onTestFinished(() => engine.close());
  return engine;
}

/** An engine that is connected to a server which says what the test wants. */
async function meet(options: Partial<DeviceEngineOptions> = {}): Promise<{ engine: DeviceEngine; server: RawServer }> {
  const server = new RawServer(compute.network);
  const engine = open({ dial: server.dial, ...options });
  await settled();
  expect(engine.link.connected).toBe(true);
  return { engine, server };
}

/** What the device alone would say. */
async function alone(): Promise<{ classIndex: number; exit: number; confidence: number }> {
  const engine = open({ plan: makePlan(compute.network, { cut: "none", threshold: unsure }) });
  const { classIndex, exit, confidence } = await engine.infer(image);
  return { classIndex, exit, confidence };
}

test("the server's answer is the result, with where it came from and what it took", async () => {
  const { engine, server } = await meet();
  const inference = engine.infer(image, { wantsLogits: true });
  const run = await server.hears("run");
  expect(run).toMatchObject({ plan: { cut, thresholds: unsure, codec: "lz4", bits: 8 }, wantsLogits: true });
  expect(run.best?.exit).toBeLessThan(2);
  clock.turn(50);
  server.answer(run, { logits: new Float32Array([0, 5, 0]) });
  const result = await inference;
  expect(result).toMatchObject({ label: "green", classIndex: 1, exit: 2, exitName: "final", source: "server" });
  expect(result.confidence).toBeCloseTo(0.9, 6);
  expect(result.logits).toHaveLength(3);
  expect(result.fallbackReason).toBeUndefined();
  expect(result.timings).toMatchObject({ totalMs: 50, serverQueueMs: 1, serverMs: 2, networkMs: 47 });
  expect(result.bytesUp).toBeGreaterThan(run.payload.bytes.length);
  expect(engine.stats()).toMatchObject({ answered: { device: 0, server: 1 }, bytesUp: result.bytesUp, pending: 0 });
});

test("a sure exit before the cut answers at once, and the network is not touched", async () => {
  const { engine, server } = await meet({ plan: makePlan(compute.network, { cut, threshold: 0 }) });
  const result = await engine.infer(image);
  expect(result).toMatchObject({ exit: 0, source: "device", bytesUp: 0 });
  expect(result.fallbackReason).toBeUndefined();
  await settled();
  expect(server.heard).toEqual([]);
});

test("a result tells what each exit said that the device has passed", async () => {
  const { engine, server } = await meet();
  const inference = engine.infer(image);
  const run = await server.hears("run");
  server.answer(run);
  const handedOver = await inference;
  expect(handedOver.deviceExits.map(({ exit }) => exit)).toEqual([0, 1]);
  const best = Math.max(...handedOver.deviceExits.map(({ confidence }) => confidence));
  expect(run.best!.confidence).toBe(best);
  for (const { label, classIndex } of handedOver.deviceExits) expect(label).toBe(compute.network.labels![classIndex]);

  const whole = await engine.infer(image, { plan: makePlan(compute.network, { cut: "none", threshold: unsure }) });
  const { exit, label, classIndex, confidence } = whole;
  expect(whole.deviceExits).toEqual([
    ...handedOver.deviceExits,
    exit === 2 ? { exit, label, classIndex, confidence } : expect.objectContaining({ exit: 2 }),
  ]);
  const sure = await engine.infer(image, { plan: makePlan(compute.network, { cut, threshold: 0 }) });
  expect(sure.deviceExits).toEqual(handedOver.deviceExits.slice(0, 1));
  const sent = engine.infer(image, { plan: makePlan(compute.network, { cut: "input", threshold: unsure }) });
  server.answer(await server.hears("run"));
  expect((await sent).deviceExits).toEqual([]);
});

test("at the cut none the network is never touched", async () => {
  const { engine, server } = await meet({ plan: makePlan(compute.network, { cut: "none", threshold: unsure }) });
  expect(await engine.infer(image)).toMatchObject({ source: "device", bytesUp: 0, ...(await alone()) });
  await settled();
  expect(server.heard).toEqual([]);
});

test("the next images are computed while the first is on its way", async () => {
  const { engine, server } = await meet();
  const inferences = [1, 2, 3].map(() => engine.infer(image));
  const runs = [await server.hears("run"), await server.hears("run"), await server.hears("run")];
  expect(new Set(runs.map(({ id }) => id)).size).toBe(3);
  for (const run of runs.toReversed()) server.answer(run, { label: run.id % 3 });
  const labels = (await Promise.all(inferences)).map(({ classIndex }) => classIndex);
  expect(labels).toEqual(runs.map(({ id }) => id % 3));
});

test("no more runs are sent at once than the server takes; those that find no place to wait are answered here", async () => {
  const server = new RawServer(compute.network, { maxInFlight: 2 });
  const engine = open({ dial: server.dial, maxWaiting: 2 });
  await settled();
  const inferences = [1, 2, 3, 4, 5].map(() => engine.infer(image));
  const runs = [await server.hears("run"), await server.hears("run")];
  expect(await inferences[4]).toMatchObject({ source: "device", fallbackReason: "queue-full", ...(await alone()) });
  await settled();
  expect(server.heard).toEqual([]);
  clock.turn(7);
  server.answer(runs[0]!);
  const third = await server.hears("run");
  server.answer(third);
  server.answer(await server.hears("run"));
  server.answer(runs[1]!);
  const results = await Promise.all(inferences.slice(0, 4));
  expect(results.map(({ source }) => source)).toEqual(["server", "server", "server", "server"]);
  expect(results.map(({ timings }) => timings.sendQueueMs)).toEqual([0, 0, 7, 7]);
});

test("encoded images go as they came, and are decoded here only when the server fails", async () => {
  let decoded = 0;
  const decodeImage = async (): Promise<Pixels> => {
    decoded++;
    return image;
  };
  const plan = makePlan(compute.network, { cut: "input", codec: "image", threshold: unsure });
  const { engine, server } = await meet({ plan, decodeImage });
  const bytes = Uint8Array.of(1, 2, 3);
  const first = engine.infer(bytes);
  const run = await server.hears("run");
  expect(run.payload).toEqual({ kind: "image", bytes });
  server.answer(run);
  expect(await first).toMatchObject({ source: "server" });
  expect(decoded).toBe(0);
  const second = engine.infer(bytes);
  const { id } = await server.hears("run");
  server.say({ kind: "refuse", id, code: "busy", reason: "", loadFactor: 3 });
  expect(await second).toMatchObject({ source: "device", fallbackReason: "refused:busy", ...(await alone()) });
  expect(engine.link.serverLoad).toBe(3);
  clock.turn(20); // so long at most it leaves the server alone
  const third = engine.infer(image);
  expect((await server.hears("run")).payload.kind).toBe("packet");
  await engine.close();
  await expect(third).rejects.toMatchObject({ code: "Aborted" });
});

describe("when the server is not there", () => {
  test("the device does everything, and says so", async () => {
    const engine = open({ dial: () => Promise.reject(new Error("nobody")) });
    const result = await engine.infer(image);
    expect(result).toMatchObject({ source: "device", fallbackReason: "no-connection", bytesUp: 0, ...(await alone()) });
    expect(engine.link).toMatchObject({ connected: false, problem: "nobody" });
    expect(engine.stats().fallbacks).toEqual({ "no-connection": 1 });
  });

  test("a sure exit before the cut is no fallback", async () => {
    const engine = open({ plan: makePlan(compute.network, { cut, threshold: 0 }) });
    expect((await engine.infer(image)).fallbackReason).toBeUndefined();
  });

  test("a plan that never goes on answers with the best exit before the cut; from input it computes after all", async () => {
    const never = open({ continueLocally: "never" });
    const best = await never.infer(image);
    expect(best).toMatchObject({ source: "device", fallbackReason: "no-connection" });
    expect(best.exit).toBeLessThan(2);
    never.setPlan(makePlan(compute.network, { cut: "input", threshold: unsure }));
    expect(await never.infer(image)).toMatchObject({ fallbackReason: "no-connection", ...(await alone()) });
  });

  test("it dials again after growing waits, until it succeeds", async () => {
    const server = new RawServer(compute.network);
    let attempts = 0;
    const engine = open({
      dial: (handlers, options) =>
        ++attempts <= 3 ? Promise.reject(new Error("not yet")) : server.dial(handlers, options),
      link: { backoff: { firstMs: 100, mostMs: 100 } },
    });
    const events: unknown[] = [];
    engine.on("connection", (event) => events.push(event));
    await settled();
    for (let i = 2; i <= 4; i++) {
      expect(attempts).toBe(i - 1);
      clock.turn(100);
      await settled();
    }
    const failure = { connected: false, reason: "not yet" };
    expect(events).toEqual([failure, failure, failure, { connected: true }]);
    const inference = engine.infer(image);
    server.answer(await server.hears("run"));
    expect(await inference).toMatchObject({ source: "server" });
    expect(engine.stats().connections).toBe(1);
  });
});

describe("when the device wakes up", () => {
  /** As a page calls it: the network is back, the tab is in front again. */
  function wakeUps(): { wakeUps: DeviceEngineOptions["wakeUps"] & {}; wake(): void; listeners: Set<() => void> } {
    const listeners = new Set<() => void>();
    return {
      listeners,
      wakeUps: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      wake: () => {
        for (const listener of listeners) listener();
      },
    };
  }

  test("it dials at once, whatever it has waited for", async () => {
    const { wakeUps: source, wake, listeners } = wakeUps();
    const server = new RawServer(compute.network);
    let isBack = false;
    const engine = open({
      dial: (handlers, options) => (isBack ? server.dial(handlers, options) : Promise.reject(new Error("offline"))),
      link: { backoff: { firstMs: 1e6, mostMs: 1e6 } },
      wakeUps: source,
    });
    await settled();
    isBack = true;
    wake();
    await settled();
    expect(engine.link.connected).toBe(true);
    await engine.close();
    expect(listeners.size).toBe(0);
  });

  test("it asks whether the server is still there, and soon gives up one that is not", async () => {
    const { wakeUps: source, wake } = wakeUps();
    const { engine, server } = await meet({ wakeUps: source, link: { pingIntervalMs: 1e6 } });
    await settled();
    server.isPolite = false;
    wake();
    await server.hears("ping");
    expect(engine.link.connected).toBe(true);
    clock.turn(1600);
    expect(engine.link.connected).toBe(false);
  });
});

describe("when the server fails", () => {
  for (const code of ["busy", "deadline", "unknown-cut", "shutting-down", "internal"] satisfies RefuseCode[]) {
    test(`refused as ${code}: the device computes the rest, exactly`, async () => {
      const { engine, server } = await meet();
      const inference = engine.infer(image);
      const { id } = await server.hears("run");
      server.say({ kind: "refuse", id, code, reason: "no", loadFactor: 1 });
      const result = await inference;
      expect(result).toMatchObject({ source: "device", fallbackReason: `refused:${code}`, ...(await alone()) });
      expect(result.bytesUp).toBeGreaterThan(0);
      expect(engine.link.connected).toBe(true);
    });
  }

  test("full: it is left alone for a while, and then asked again", async () => {
    const { engine, server } = await meet();
    const first = engine.infer(image);
    const { id } = await server.hears("run");
    server.say({ kind: "refuse", id, code: "busy", reason: "", loadFactor: 9 });
    await first;
    const second = await engine.infer(image);
    expect(second).toMatchObject({ fallbackReason: "refused:busy", bytesUp: 0, ...(await alone()) });
    clock.turn(20);
    const third = engine.infer(image);
    server.answer(await server.hears("run"));
    expect(await third).toMatchObject({ source: "server" });
  });

  test("a lost connection: everything under way is answered here, and it dials again", async () => {
    const { engine, server } = await meet();
    const inferences = [engine.infer(image), engine.infer(image)];
    await server.hears("run");
    await server.hears("run");
    server.connection?.close("gone");
    for (const inference of inferences)
      expect(await inference).toMatchObject({ fallbackReason: "disconnected", ...(await alone()) });
    clock.turn(200);
    await settled();
    expect(server.connections).toBe(2);
    const next = engine.infer(image);
    server.answer(await server.hears("run"));
    expect(await next).toMatchObject({ source: "server" });
  });

  test("never: the best exit before the cut answers", async () => {
    const { engine, server } = await meet({ continueLocally: "never" });
    const inference = engine.infer(image);
    const { best } = await server.hears("run");
    server.connection?.close();
    const result = await inference;
    expect(result).toMatchObject({ source: "device", fallbackReason: "disconnected", exit: best!.exit });
    expect(result.confidence).toBeCloseTo(best!.confidence, 6);
  });

  test("answers that cannot be true: the device computes, and leaves that connection", async () => {
    const lies: Partial<Result>[] = [{ exit: 7 }, { label: 1e6 }, { exit: 0 }, { exit: 2, confidence: 0, label: 0 }];
    for (const lie of lies) {
      // the last lie is one only where the final exit is not sure of everything
      const { engine, server } = await meet({ plan: makePlan(compute.network, { cut, threshold: [1, 1, 1] }) });
      const inference = engine.infer(image);
      server.answer(await server.hears("run"), lie);
      expect(await inference).toMatchObject({ source: "device", fallbackReason: "bad-answer" });
      await server.isLeft();
      expect(engine.link.problem).toMatch(/bad answer/);
    }
  });

  test("an answer to a run that nobody sent, or that was answered, ends the connection and nothing else", async () => {
    for (const isReplay of [true, false]) {
      const { engine, server } = await meet();
      const inference = engine.infer(image);
      const run = await server.hears("run");
      if (isReplay) server.answer(run);
      server.answer(isReplay ? run : { ...run, id: 99 });
      expect(await inference).toMatchObject(isReplay ? { source: "server" } : { fallbackReason: "disconnected" });
      await server.isLeft();
      expect(engine.link.problem).toMatch(/does not wait for one/);
    }
  });

  test("bytes that are no message end the connection", async () => {
    const { engine, server } = await meet();
    const inference = engine.infer(image);
    await server.hears("run");
    server.say(Uint8Array.of(3, 1, 4, 1, 5, 9));
    expect(await inference).toMatchObject({ fallbackReason: "disconnected" });
    await server.isLeft();
  });
});

describe("deadlines", () => {
  test("a silent server: the device begins early enough to be done in time", async () => {
    const { engine, server } = await meet();
    const inference = engine.infer(image, { deadlineMs: 200 });
    const run = await server.hears("run");
    expect(run.deadlineMs).toBeCloseTo(200, 0);
    for (let ms = 0; ms < 197; ms++) {
      clock.turn(1);
      await settled();
    }
    const result = await inference;
    expect(result).toMatchObject({ source: "device", fallbackReason: "deadline", ...(await alone()) });
    expect((await server.hears("cancel")).id).toBe(run.id);
    // The answer comes after all, and does no harm.
    server.answer(run);
    await settled();
    expect(engine.link.connected).toBe(true);
  });

  test("while the device computes the rest at the last moment, the server may still come first", async () => {
    const { engine, server } = await meet();
    const inference = engine.infer(image, { deadlineMs: 200 });
    const run = await server.hears("run");
    const release = compute.hold();
    clock.turn(196);
    await settled();
    server.answer(run);
    const result = await inference;
    expect(result).toMatchObject({ source: "server" });
    expect(result.fallbackReason).toBeUndefined();
    release();
  });

  test("nothing is done in time: the best exit so far answers before the deadline", async () => {
    const { engine, server } = await meet();
    const inference = engine.infer(image, { deadlineMs: 200 });
    const { best } = await server.hears("run");
    const release = compute.hold();
    clock.turn(200);
    const result = await inference;
    expect(result).toMatchObject({ source: "device", fallbackReason: "deadline", exit: best!.exit });
    expect(result.timings.totalMs).toBeLessThan(200);
    release();
  });

  test("a device that is too slow answers with the best exit that it has passed", async () => {
    const engine = open({ plan: makePlan(compute.network, { cut: "none", threshold: unsure }) });
    await engine.infer(image);
    const original = compute.start.bind(compute);
    let passed = 0;
    // The worker stops behind the first exit, as a slow one would be found there.
    compute.start = (task, signal, onBest) =>
      original(task, signal, (best) => {
        if (passed++ === 0) onBest?.(best);
        release ??= compute.hold();
      });
    let release: (() => void) | undefined;
    const inference = engine.infer(image, { deadlineMs: 50 });
    while (!release) await settled();
    clock.turn(50);
    expect(await inference).toMatchObject({ exit: 0, source: "device", fallbackReason: "deadline" });
    release();
  });

  test("without any exit there is no answer", async () => {
    const engine = open();
    const release = compute.hold();
    const inference = engine.infer(image, { deadlineMs: 50 });
    const failure = expect(inference).rejects.toMatchObject({ code: "Deadline" });
    await settled();
    clock.turn(50);
    await failure;
    release();
    expect(engine.stats().failed).toBe(1);
  });

  test("no deadline: a server that lives but does not answer is not waited for for ever", async () => {
    const { engine, server } = await meet({ answerTimeoutMs: 3000 });
    const inference = engine.infer(image);
    await server.hears("run");
    for (let i = 0; i < 30; i++) {
      clock.turn(100);
      await settled();
    }
    expect(await inference).toMatchObject({ source: "device", fallbackReason: "deadline" });
    await server.hears("cancel");
    expect(engine.link.connected).toBe(true);
  });

  test("no deadline: a frozen server is found out by its silence", async () => {
    const { engine, server } = await meet();
    server.isPolite = false;
    const inference = engine.infer(image);
    await server.hears("run");
    clock.turn(300);
    await server.hears("ping");
    clock.turn(1000);
    expect(engine.link.connected).toBe(true);
    clock.turn(1000);
    expect(await inference).toMatchObject({ source: "device", fallbackReason: "disconnected" });
    expect(engine.link.problem).toMatch(/stalled/);
  });

  test("an idle link is asked after now and then, and a dead one is left", async () => {
    const { engine, server } = await meet();
    clock.turn(5000);
    await settled();
    expect(engine.link.connected).toBe(true);
    server.isPolite = false;
    clock.turn(5000);
    await server.hears("ping");
    clock.turn(2500);
    expect(engine.link.connected).toBe(false);
  });
});

test("a device that has slept reads what came meanwhile before it takes the server for dead", async () => {
  class SleepyClock extends TurnedClock {
    sleptMs = 0;
    override now(): number {
      return super.now() + this.sleptMs;
    }
  }
  const sleepy = new SleepyClock();
  const { engine, server } = await meet({ clock: sleepy });
  server.isPolite = false;
  sleepy.turn(5000);
  const { id } = await server.hears("ping");
  sleepy.sleptMs = 60_000;
  sleepy.turn(1550);
  expect(engine.link.connected).toBe(true);
  server.say({ kind: "pong", id });
  await settled();
  sleepy.turn(1000);
  expect(engine.link.connected).toBe(true);
});

describe("hedge", () => {
  test("the device wins: the server is told to stop", async () => {
    const { engine, server } = await meet({ continueLocally: "hedge" });
    const result = await engine.infer(image);
    expect(result).toMatchObject({ source: "device", ...(await alone()) });
    expect(result.fallbackReason).toBeUndefined();
    const { id } = await server.hears("run");
    expect((await server.hears("cancel")).id).toBe(id);
  });

  test("the server wins: the device stops between slices", async () => {
    const { engine, server } = await meet({ continueLocally: "hedge" });
    const inference = engine.infer(image);
    const run = await server.hears("run");
    const release = compute.hold();
    server.answer(run);
    expect(await inference).toMatchObject({ source: "server" });
    release();
    await settled();
    expect(compute.pending).toBe(0);
    expect(server.heard).toEqual([]);
  });
});

test("server and device both fail: the best exit before the cut answers; without one there is the device's error", async () => {
  for (const cutHere of [cut, "input"]) {
    const failing = await openInProcessCompute(toyProgressive());
    const server = new RawServer(failing.network);
    const plan = makePlan(failing.network, { cut: cutHere, threshold: unsure });
    const engine = createDeviceEngine({ compute: failing, dial: server.dial, plan, clock, continueLocally: "hedge" });
    await settled();
    const inference = engine.infer(image);
    inference.catch(() => {}); // heard below
    const { best } = await server.hears("run");
    failing.hold();
    await failing.close();
    await settled();
    server.connection?.close();
    if (best) expect(await inference).toMatchObject({ exit: best.exit, fallbackReason: "disconnected" });
    else await expect(inference).rejects.toMatchObject({ code: "Aborted" });
    await engine.close();
  }
});

describe("abort", () => {
  test("while the server works: it is told, and its late answer is ignored", async () => {
    const { engine, server } = await meet();
    const controller = new AbortController();
    const inference = engine.infer(image, { signal: controller.signal });
    const run = await server.hears("run");
    controller.abort();
    await expect(inference).rejects.toMatchObject({ code: "Aborted" });
    expect((await server.hears("cancel")).id).toBe(run.id);
    server.answer(run);
    await settled();
    expect(engine.link.connected).toBe(true);
    const next = engine.infer(image);
    const second = await server.hears("run");
    expect(second.id).not.toBe(run.id);
    server.answer(second);
    await next;
  });

  test("while the device works: it stops between slices", async () => {
    const engine = open();
    const controller = new AbortController();
    const release = compute.hold();
    const inference = engine.infer(image, { signal: controller.signal });
    await settled();
    expect(compute.pending).toBe(1);
    controller.abort();
    await expect(inference).rejects.toMatchObject({ code: "Aborted" });
    release();
    await settled();
    expect(compute.pending).toBe(0);
    await expect(engine.infer(image, { signal: controller.signal })).rejects.toMatchObject({ code: "Aborted" });
  });
});

describe("hello", () => {
  test("a refusal of the network is told", async () => {
    const server = new RawServer(compute.network);
    server.isPolite = false;
    const engine = open({ dial: server.dial });
    await server.hears("hello");
    server.say({ kind: "refuse", id: 0, code: "unknown-model", reason: "The server has others", loadFactor: 1 });
    await server.isLeft();
    expect(engine.link.problem).toMatch(/unknown-model.*The server has others/);
  });

  test("whoever does not begin with a server's hello of this network is left", async () => {
    const polite = new RawServer(compute.network).hello;
    const starts = [
      { ...polite, role: "device" as const },
      { ...polite, modelHash: new Uint8Array(16) },
      { kind: "pong" as const, id: 1 },
      { ...polite, agent: "x".repeat(63) },
    ];
    for (const [i, start] of starts.entries()) {
      const server = new RawServer(compute.network);
      server.isPolite = false;
      const engine = open({ dial: server.dial });
      await server.hears("hello");
      server.say(start);
      await settled();
      expect(engine.link.connected, `start ${i}`).toBe(i === 3);
    }
  });

  test("a server that says nothing is left after a while", async () => {
    const server = new RawServer(compute.network);
    server.isPolite = false;
    const engine = open({ dial: server.dial });
    await server.hears("hello");
    clock.turn(5000);
    await server.isLeft();
    expect(engine.link.problem).toMatch(/no connection within 5000 ms/);
  });
});

test("what is no image, or none for this network, is the caller's mistake", async () => {
  const engine = open();
  const dims = [1, 3, 8, 8];
  const data = new Float32Array(192);
  await expect(engine.infer({ type: "float32", dims, data })).resolves.toBeDefined();
  await expect(engine.infer({ type: "float32", dims: [3, 8, 8], data })).rejects.toThrow(RangeError);
  await expect(engine.infer({ type: "int32", dims, data: new Int32Array(192) })).rejects.toThrow(TypeError);
  await expect(engine.infer(Uint8Array.of(1))).rejects.toThrow(TypeError);
  await expect(engine.infer({} as Pixels)).rejects.toThrow(TypeError);
  await expect(engine.infer(image, { deadlineMs: 0 })).rejects.toThrow(RangeError);
  expect(() => engine.setPlan({ ...engine.plan, cut: "nowhere" })).toThrow(RangeError);
  await engine.close();
  await expect(engine.infer(image)).rejects.toMatchObject({ code: "Aborted" });
});

test("the tensor that is handed in stays the caller's", async () => {
  const engine = open();
  const data = new Float32Array(192).fill(0.5);
  await engine.infer({ type: "float32", dims: [1, 3, 8, 8], data });
  expect(data).toEqual(new Float32Array(192).fill(0.5));
});

test("a model that does not say how pixels become its input takes tensors only", async () => {
  const plain = await openInProcessCompute(toyNetwork());
  const engine = createDeviceEngine({ compute: plain, plan: makePlan(plain.network, { cut: "none" }) });
  onTestFinished(() => engine.close());
  await expect(engine.infer(image)).rejects.toMatchObject({ code: "UnsupportedModel" });
  const data = new Float32Array(192);
  const { label, classIndex } = await engine.infer({ type: "float32", dims: [1, 3, 8, 8], data });
  expect(label).toBe(String(classIndex));
});

test("events: plan, fallback, result", async () => {
  const engine = open();
  const seen: string[] = [];
  engine.on("plan", (plan) => seen.push(`plan ${plan.cut}`));
  engine.on("fallback", ({ reason }) => seen.push(`fallback ${reason}`));
  const off = engine.on("result", ({ source }) => seen.push(`result ${source}`));
  await engine.infer(image);
  off();
  engine.setPlan(makePlan(compute.network, { cut: "none" }));
  await engine.infer(image);
  expect(seen).toEqual(["fallback no-connection", "result device", "plan none"]);
});
