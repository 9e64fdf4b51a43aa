import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { type InProcessCompute, openInProcessCompute } from "../../test/in-process-compute.ts";
import { helloFor, inputFor, RawDevice, runFor } from "../../test/raw-device.ts";
import { toyProgressive } from "../../test/toy.ts";
import { TurnedClock } from "../../test/turned-clock.ts";
import { SpinnError } from "../errors.ts";
import { hexOf } from "../hex.ts";
import { type Connection, createLoopback, type Dial } from "../transport/index.ts";
import { encodeMessage, type Message, type Refuse, type Run, type RunPlan } from "../wire/index.ts";
import { ClientLedger } from "./client-ledger.ts";
import { type CloudEngine, createCloudEngine } from "./cloud-engine.ts";
import type { CloudEvent } from "./cloud-events.ts";
import type { CloudEngineOptions } from "./cloud-options.ts";
import type { Answered, Compute, Task } from "./compute.ts";
import type { NetworkInfo } from "./network-info.ts";

let compute: InProcessCompute;
let network: NetworkInfo;

beforeAll(async () => {
  compute = await openInProcessCompute(toyProgressive());
  network = compute.network;
});
afterAll(() => compute.close());

interface Service {
  readonly engine: CloudEngine;
  readonly dial: Dial;
  readonly clock: TurnedClock;
  readonly errors: unknown[];
}

function service(options: Partial<CloudEngineOptions> = {}): Service {
  const clock = new TurnedClock();
  const errors: unknown[] = [];
  const onError = (error: unknown): unknown => errors.push(error);
  const engine = createCloudEngine({ networks: [compute], clock, onError, ...options });
  onTestFinished(() => engine.close());
  return { engine, dial: createLoopback(engine.accept), clock, errors };
}

const run = (id: number, changes: Partial<Run> = {}): Run => ({
  ...runFor(network, id, inputFor(network, id)),
  ...changes,
});
const withPlan = (id: number, changes: Partial<RunPlan>): Run => ({
  ...run(id),
  plan: { ...run(id).plan, ...changes },
});

async function directly(seed: number, thresholds = network.exits.map(() => 1)): Promise<Answered> {
  const start = { kind: "input", values: inputFor(network, seed) } as const;
  return (await compute.start({ start, cut: "none", thresholds, wantsLogits: true })) as Answered;
}

/** Said before the connection ended. */
const lastWord = async (device: RawDevice): Promise<Refuse> => {
  const refusal = await device.hears("refuse", 0);
  expect(await device.isClosed()).not.toBe("");
  return refusal;
};

describe("answers", () => {
  test("are those of the network, from whatever cut they start", async () => {
    const device = await RawDevice.greeted(service().dial, network);
    const expected = await directly(1);
    const { queueMs, computeMs, ...result } = await device.asks(run(1));
    expect(result).toEqual({ kind: "result", id: 1, ...expected.answer, logits: expected.logits });
    expect(queueMs).toBeGreaterThanOrEqual(0);
    expect(computeMs).toBeGreaterThan(0);

    const cut = network.cuts.find(({ exitsBefore, id }) => exitsBefore === 1 && id !== "none")!.id;
    const values = inputFor(network, 1);
    const thresholds = network.exits.map(() => 1);
    const paused = await compute.start({
      start: { kind: "input", values },
      cut,
      thresholds,
      coding: { codec: "float32" },
    });
    if (paused.kind !== "paused" || !paused.best) throw new Error("no packet");
    const { best, packet: bytes } = paused;
    const later = withPlan(2, { cut });
    const fromCut = await device.asks({ ...later, best, payload: { kind: "packet", bytes } });
    expect(fromCut).toMatchObject(expected.answer);
  });

  test("come from the first confident exit; one threshold stands for all", async () => {
    const device = await RawDevice.greeted(service().dial, network);
    expect(await device.asks(withPlan(1, { thresholds: [0] }))).toMatchObject({ exit: 0 });
    expect(await device.asks(withPlan(2, { thresholds: [2, 0, 0] }))).toMatchObject({ exit: 1 });
    expect(await device.asks(withPlan(3, { thresholds: [2, 2, 0] }))).toMatchObject({ exit: 2 });
  });

  test("hold no logits unless they are wanted", async () => {
    const device = await RawDevice.greeted(service().dial, network);
    expect((await device.asks(run(1, { wantsLogits: false }))).logits).toBeUndefined();
  });

  test("come for many runs of many devices, each its own", async () => {
    const { dial, engine } = service();
    const devices = await Promise.all([1, 2, 3].map(() => RawDevice.greeted(dial, network)));
    const seeds = [1, 2, 3, 4, 5];
    const expected = await Promise.all(seeds.map((seed) => directly(seed)));
    const results = await Promise.all(devices.flatMap((device) => seeds.map((seed) => device.asks(run(seed)))));
    expect(results.map(({ logits }) => logits)).toEqual(
      [...expected, ...expected, ...expected].map(({ logits }) => logits),
    );
    expect(engine.stats()).toMatchObject({ clients: 3, queued: 0, answered: 15, refused: 0 });
  });

  test("a ping is answered while runs wait", async () => {
    const device = await RawDevice.greeted(service().dial, network);
    const release = compute.hold();
    device.say(run(1));
    device.say({ kind: "ping", id: 7, payload: new Uint8Array(1000) });
    await device.hears("pong", 7);
    release();
    await device.hears("result", 1);
  });
});

describe("a run is refused, and the connection goes on", () => {
  test.each<[string, () => Run, Refuse["code"]]>([
    ["a cut that does not exist", () => withPlan(9, { cut: "nowhere" }), "unknown-cut"],
    ["the end of the network", () => withPlan(9, { cut: "none" }), "unknown-cut"],
    ["a deadline of nothing", () => run(9, { deadlineMs: 0 }), "deadline"],
    ["an image that is none", () => run(9, { payload: { kind: "image", bytes: Uint8Array.of(1, 2) } }), "bad-payload"],
  ])("%s", async (_, bad, code) => {
    const { dial, engine } = service();
    const device = await RawDevice.greeted(dial, network);
    device.say(bad());
    expect(await device.hears("refuse", 9)).toMatchObject({ code });
    await device.asks(run(1));
    expect(engine.stats()).toMatchObject({ answered: 1, refused: 1, turnedAway: {} });
  });

  test("when the queue is full", async () => {
    const { dial } = service({ maxQueued: 2 });
    const [one, other] = [await RawDevice.greeted(dial, network), await RawDevice.greeted(dial, network)];
    const release = compute.hold();
    for (const id of [1, 2]) one.say(run(id));
    other.say(run(1));
    expect(await other.hears("refuse", 1)).toMatchObject({ code: "busy" });
    release();
    await Promise.all([one.hears("result", 1), one.hears("result", 2)]);
    await other.asks(run(1));
  });

  test("when it would wait too long, before it is handed in", async () => {
    const busy: Compute = Object.assign(Object.create(compute), {
      start: () => Promise.reject(new SpinnError("Runtime", "It was handed in")),
      whyNot: ({ deadlineMs = Number.POSITIVE_INFINITY }: Task) =>
        deadlineMs < 100 ? "It would take about 100 ms until its turn" : undefined,
    });
    const { dial, engine } = service({ networks: [busy] });
    const device = await RawDevice.greeted(dial, network);
    device.say(run(1, { deadlineMs: 99 }));
    expect(await device.hears("refuse", 1)).toMatchObject({
      code: "busy",
      reason: "It would take about 100 ms until its turn",
    });
    expect(engine.stats()).toMatchObject({ queued: 0, refused: 1 });
  });

  test("when its deadline passes, waiting or between two slices; nothing is computed for it", async () => {
    const { dial, clock, engine } = service();
    const device = await RawDevice.greeted(dial, network);
    const release = compute.hold();
    for (const id of [1, 2]) device.say(run(id, { deadlineMs: 100 }));
    device.say(run(3, { deadlineMs: 101 }));
    await vi.waitFor(() => expect(engine.stats().queued).toBe(3));
    clock.turn(100);
    for (const id of [1, 2]) expect(await device.hears("refuse", id)).toMatchObject({ code: "deadline" });
    await vi.waitFor(() => expect(engine.stats().queued).toBe(1));
    release();
    await device.hears("result", 3);
    await device.asks(run(1, { deadlineMs: 1e30 }));
    expect(engine.stats()).toMatchObject({ answered: 2, refused: 2 });
  });

  test("when the server itself fails; it hears why, the device does not", async () => {
    const broken: Compute = {
      network,
      pending: 0,
      start: () => Promise.reject(new SpinnError("Runtime", "secret")),
      prepare: async () => {},
      close: async () => {},
    };
    const { dial, errors } = service({ networks: [broken] });
    const device = await RawDevice.greeted(dial, network);
    device.say(run(1));
    expect(await device.hears("refuse", 1)).toMatchObject({ code: "internal", reason: "The network could not be run" });
    expect(String(errors)).toContain("secret");
  });

  test("when its answer is longer than the device takes", async () => {
    const { dial } = service();
    const limits = { ...helloFor(network).limits, maxMessageBytes: 256 };
    const device = await RawDevice.greeted(dial, network, { limits });
    await device.asks(run(1)); // three logits fit
    const wide: Compute = Object.assign(Object.create(compute), {
      start: async (): Promise<Answered> => ({ ...(await directly(1)), logits: new Float32Array(60) }),
      whyNot: () => undefined,
    });
    const other = await RawDevice.greeted(service({ networks: [wide] }).dial, network, { limits });
    other.say(run(1));
    expect(await other.hears("refuse", 1)).toMatchObject({ code: "too-large" });
  });
});

describe("whoever breaks the protocol is told and left, alone", () => {
  const flipped = (message: Message): Uint8Array => {
    const bytes = encodeMessage(message);
    bytes[bytes.length - 9]! ^= 4;
    return bytes;
  };
  const badPacket = (): Run => {
    const bytes = run(5).payload.bytes.slice();
    bytes[60]! ^= 1;
    return run(5, { payload: { kind: "packet", bytes } });
  };

  test.each<[string, () => readonly (Message | Uint8Array)[], RegExp]>([
    ["a run before hello", () => [run(1)], /hello|256/],
    ["a short word before hello", () => [{ kind: "cancel", id: 1 }], /cancel came before/],
    ["a server's hello", () => [{ ...helloFor(network), role: "server" }], /hello/],
    [
      "a device that takes nothing",
      () => [{ ...helloFor(network), limits: { maxMessageBytes: 9, maxTensorBytes: 9, maxInFlight: 9 } }],
      /9 bytes/,
    ],
    ["a second hello", () => [helloFor(network), helloFor(network)], /must not send hello/],
    [
      "a server's word",
      () => [helloFor(network), { kind: "stats", loadFactor: 1, clients: 0, queued: 0, answered: 0, refused: 0 }],
      /stats/,
    ],
    ["a pong that nobody asked for", () => [helloFor(network), { kind: "pong", id: 1 }], /pong/],
    ["an unknown kind", () => [helloFor(network), Uint8Array.of(99, 0, 0, 0, 0)], /kind 99/],
    ["nothing at all", () => [helloFor(network), new Uint8Array(0)], /too few/],
    ["a wrong checksum", () => [helloFor(network), flipped(run(1))], /checksum/],
    ["an id in use", () => [helloFor(network), run(1), run(1)], /Run 1 has no answer/],
    ["two thresholds for three exits", () => [helloFor(network), withPlan(1, { thresholds: [1, 1] })], /thresholds/],
    ["no thresholds", () => [helloFor(network), withPlan(1, { thresholds: [] })], /thresholds/],
    [
      "a best exit before there is any",
      () => [helloFor(network), run(1, { best: { exit: 0, label: 0, confidence: 1 } })],
      /No exit/,
    ],
    [
      "an image for a later cut",
      () => [
        helloFor(network),
        { ...withPlan(1, { cut: network.cuts[2]!.id }), payload: { kind: "image", bytes: Uint8Array.of(1) } },
      ],
      /image/,
    ],
  ])("%s", async (_, said, reason) => {
    const { dial, engine } = service();
    const honest = await RawDevice.greeted(dial, network);
    const release = compute.hold();
    const hostile = await RawDevice.dial(dial);
    for (const message of said()) hostile.say(message);
    const refusal = await lastWord(hostile);
    expect(refusal.code).toBe("protocol");
    expect(refusal.reason).toMatch(reason);
    expect(engine.stats().turnedAway).toEqual({ protocol: 1 });
    release();
    await honest.asks(run(1));
    // what the hostile one had under way is dropped
    await vi.waitFor(() => expect(engine.stats()).toMatchObject({ clients: 1, queued: 0, answered: 1 }));
  });

  test("a damaged packet is refused by its id, then the connection ends", async () => {
    const { dial } = service();
    const device = await RawDevice.greeted(dial, network);
    device.say(badPacket());
    expect(await device.hears("refuse", 5)).toMatchObject({ code: "bad-payload" });
    expect(await device.isClosed()).toMatch(/packet/);
  });

  test("more runs than the server's hello allows", async () => {
    const { dial } = service({ maxInFlight: 2 });
    const device = await RawDevice.greeted(dial, network);
    const release = compute.hold();
    for (const id of [1, 2, 3]) device.say(run(id));
    expect(await lastWord(device)).toMatchObject({
      code: "protocol",
      reason: "More than 2 runs are without an answer",
    });
    release();
  });

  test("another network", async () => {
    const { dial, engine } = service();
    const device = await RawDevice.dial(dial);
    device.say({ ...helloFor(network), modelHash: new Uint8Array(16) });
    expect(await lastWord(device)).toMatchObject({ code: "unknown-model" });
    expect(engine.stats().turnedAway).toEqual({ "unknown-model": 1 });
  });

  test("no hello in time, silence, and answers that are not read", async () => {
    const { dial, clock, engine } = service({ helloTimeoutMs: 1000, idleTimeoutMs: 3000, maxBufferedBytes: 500 });
    const mute = await RawDevice.dial(dial);
    const device = await RawDevice.greeted(dial, network);
    clock.turn(1000);
    expect(await lastWord(mute)).toMatchObject({ code: "protocol", reason: "no hello" });
    const release = compute.hold();
    device.say(run(1));
    await vi.waitFor(() => expect(engine.stats().queued).toBe(1));
    clock.turn(4000); // waiting for an answer is not silence
    release();
    await device.hears("result", 1);
    clock.turn(4000);
    expect(await device.isClosed()).toBe("silent for too long");

    const deaf = await RawDevice.greeted(dial, network);
    for (let id = 1; id < 100; id++) deaf.say({ kind: "ping", id, payload: new Uint8Array(0) });
    expect(await deaf.isClosed()).toBe("does not read its answers");
  });
});

test("a cancelled run, and those of a device that leaves, are dropped; their ids are free again", async () => {
  const { dial, engine } = service();
  const [device, leaving] = [await RawDevice.greeted(dial, network), await RawDevice.greeted(dial, network)];
  const release = compute.hold();
  for (const id of [1, 2]) device.say(run(id));
  for (const id of [1, 2, 3]) leaving.say(run(id));
  await vi.waitFor(() => expect(engine.stats().queued).toBe(5));
  device.say({ kind: "cancel", id: 2 });
  device.say({ kind: "cancel", id: 77 });
  leaving.close();
  await vi.waitFor(() => expect(engine.stats()).toMatchObject({ queued: 1, clients: 1, cancelled: 4 }));
  device.say(run(2));
  release();
  await Promise.all([device.hears("result", 1), device.hears("result", 2)]);
  expect(device.heard).toEqual([]);
});

test("clients hear how the server is doing", async () => {
  const { dial, clock } = service({ statsIntervalMs: 500 });
  const device = await RawDevice.greeted(dial, network);
  await device.asks(run(1));
  clock.turn(500);
  const { loadFactor, ...counts } = await device.hears("stats");
  expect(counts).toEqual({ kind: "stats", clients: 1, queued: 0, answered: 1, refused: 0 });
  expect(loadFactor).toBeGreaterThanOrEqual(1);
});

test("every connection and every run is told of, from beginning to end", async () => {
  const events: CloudEvent[] = [];
  const { dial, engine } = service({ onEvent: (event) => events.push(event) });
  const device = await RawDevice.greeted(dial, network);
  const traceId = Uint8Array.from({ length: 16 }, (_, i) => i);
  const trace = { traceId, spanId: traceId.slice(8), sampled: true };
  await device.asks(run(1, { trace }));
  device.say(run(2, { plan: { ...run(2).plan, cut: "nowhere" } }));
  await device.hears("refuse", 2);
  device.close();
  await vi.waitFor(() => expect(engine.stats().clients).toBe(0));
  const served = hexOf(network.modelHash);
  const [connection, ofRun] = ["connection 1", { kind: "run", connection: "connection 1", network: served }];
  expect(events).toEqual([
    { kind: "network-added", network: served },
    { kind: "connected", connection, peer: "loopback" },
    { kind: "greeted", connection, network: served, agent: expect.any(String) },
    expect.objectContaining({
      ...ofRun,
      cut: run(1).plan.cut,
      trace,
      end: expect.objectContaining({ kind: "answered" }),
    }),
    expect.objectContaining({ ...ofRun, cut: "nowhere", end: expect.objectContaining({ code: "unknown-cut" }) }),
    { kind: "left", connection, reason: expect.any(String) },
  ]);
});

test("networks come and go while it serves: who uses one that goes gets the answers that it waits for", async () => {
  const { dial, engine } = service();
  const served = hexOf(network.modelHash);
  const device = await RawDevice.greeted(dial, network);
  const release = compute.hold();
  device.say(run(1));
  await vi.waitFor(() => expect(engine.stats().queued).toBe(1));
  const retired = engine.retire(served);
  const late = await RawDevice.dial(dial);
  late.say(helloFor(network));
  expect(await late.hears("refuse", 0)).toMatchObject({ code: "unknown-model" });
  device.say(run(2));
  expect(await device.hears("refuse", 2)).toMatchObject({ code: "shutting-down" });
  release();
  await device.hears("result", 1);
  expect(await lastWord(device)).toMatchObject({ code: "shutting-down" });
  expect(await retired).toBe(compute);
  expect(await engine.retire(served)).toBeUndefined();
  engine.add(compute);
  expect(() => engine.add(compute)).toThrow("A network is served twice");
  const again = await RawDevice.greeted(dial, network);
  await again.asks(run(1));
});

test("its hello says what it takes: the largest cut, and no less than an image needs", async () => {
  const device = await RawDevice.dial(service({ maxInFlight: 3, agent: "spinn/9" }).dial);
  device.say(helloFor(network));
  const maxTensorBytes = Math.max(...network.cuts.map(({ bytes }) => bytes));
  expect(await device.hears("hello")).toEqual({
    kind: "hello",
    role: "server",
    modelHash: network.modelHash,
    limits: { maxMessageBytes: 2 ** 20 + 2 ** 16, maxTensorBytes, maxInFlight: 3 },
    agent: "spinn/9",
  });
});

describe("closing", () => {
  test("answers what is under way, takes nothing new and sends everybody away", async () => {
    const { dial, engine } = service();
    const [busy, idle] = [await RawDevice.greeted(dial, network), await RawDevice.greeted(dial, network)];
    const release = compute.hold();
    busy.say(run(1));
    await vi.waitFor(() => expect(engine.stats().queued).toBe(1));
    const closed = engine.close();
    expect(await lastWord(idle)).toMatchObject({ code: "shutting-down" });
    busy.say(run(2));
    expect(await busy.hears("refuse", 2)).toMatchObject({ code: "shutting-down" });
    const late = await RawDevice.dial(dial);
    expect(await lastWord(late)).toMatchObject({ code: "shutting-down" });
    release();
    await busy.hears("result", 1);
    expect(await lastWord(busy)).toMatchObject({ code: "shutting-down" });
    await Promise.all([closed, engine.close()]);
  });

  test("leaves no timer behind, even when nobody has ever come", async () => {
    const { dial, engine, clock } = service();
    const device = await RawDevice.greeted(dial, network);
    await device.asks(run(1, { deadlineMs: 1000 }));
    expect(clock.pending).toBe(1);
    await engine.close();
    expect(clock.pending).toBe(0);
    const other = service();
    await other.engine.close();
    expect(other.clock.pending).toBe(0);
  });

  test("waits for a while only", async () => {
    const { dial, engine, clock } = service();
    const device = await RawDevice.greeted(dial, network);
    const release = compute.hold();
    device.say(run(1));
    await vi.waitFor(() => expect(engine.stats().queued).toBe(1));
    const closed = engine.close(1000);
    clock.turn(1000);
    expect(await lastWord(device)).toMatchObject({ code: "shutting-down" });
    await closed;
    release();
  });
});

test("options that make no sense are refused", () => {
  expect(() => createCloudEngine({ networks: [compute, compute] })).toThrow("A network is served twice");
  expect(() => createCloudEngine({ networks: [compute], maxQueued: 0 })).toThrow("maxQueued must be positive, not 0");
  expect(() => createCloudEngine({ networks: [compute], idleTimeoutMs: Number.NaN })).toThrow(RangeError);
});

describe("identity and limits", () => {
  /** As a transport tells that knows who that is. */
  const known = (
    engine: CloudEngine,
    about: Pick<Connection, "client" | "clientForMs" | "problem" | "address" | "pause">,
  ): Dial =>
    createLoopback((connection) =>
      engine.accept({
        ...about,
        peer: connection.peer,
        get bufferedBytes() {
          return connection.bufferedBytes;
        },
        send: (message) => connection.send(message),
        close: (reason) => connection.close(reason),
      }),
    );

  test("whoever cannot say who they are hear why, before anything else, and are gone", async () => {
    const events: CloudEvent[] = [];
    const { engine } = service({ onEvent: (event) => events.push(event) });
    const device = await RawDevice.dial(known(engine, { problem: "The token has expired" }));
    device.say(helloFor(network));
    expect(await lastWord(device)).toMatchObject({ code: "unauthorized", reason: "The token has expired" });
    expect(engine.stats()).toMatchObject({ clients: 0, turnedAway: { unauthorized: 1 } });
    expect(events.map(({ kind }) => kind)).toEqual(["network-added", "connected", "refused", "left"]);
  });

  test("a proof is good as long as it says", async () => {
    const { engine, clock } = service();
    const device = await RawDevice.greeted(known(engine, { client: "a", clientForMs: 60_000 }), network);
    clock.turn(59_000);
    await device.asks(run(1));
    clock.turn(2000);
    expect(await lastWord(device)).toMatchObject({ code: "unauthorized" });
  });

  test("clients share what they may use over their connections, and a refusal says why", async () => {
    const clock = new TurnedClock();
    const { engine } = service({ clock, ledger: new ClientLedger({ runsPerSecond: 1 }, clock) });
    const [one, two, other] = await Promise.all(
      ["a", "a", "b"].map((client) => RawDevice.greeted(known(engine, { client }), network)),
    );
    await one!.asks(run(1));
    await two!.asks(run(1));
    one!.say(run(2));
    expect(await one!.hears("refuse", 2)).toMatchObject({
      code: "rate-limited",
      reason: "More than 1 runs a second; again in 1000 ms",
    });
    await other!.asks(run(1));
    clock.turn(1000);
    await one!.asks(run(3));
  });

  test("where nobody has to say who they are, an address is a client", async () => {
    const clock = new TurnedClock();
    const { engine } = service({ clock, ledger: new ClientLedger({ quota: { computeMs: 1e-6 } }, clock) });
    const [one, two, other] = await Promise.all(
      ["192.0.2.1", "192.0.2.1", "192.0.2.2"].map((address) => RawDevice.greeted(known(engine, { address }), network)),
    );
    await one!.asks(run(1));
    two!.say(run(1));
    expect(await two!.hears("refuse", 1)).toMatchObject({ code: "quota" });
    await other!.asks(run(1));
  });

  test("whoever sends far more bytes than they may is sent away", async () => {
    const clock = new TurnedClock();
    const { engine } = service({ clock, ledger: new ClientLedger({ bytesPerSecond: 1000 }, clock) });
    const device = await RawDevice.greeted(known(engine, { client: "a" }), network);
    device.say({ kind: "ping", id: 1, payload: new Uint8Array(9000) });
    expect(await lastWord(device)).toMatchObject({ code: "rate-limited" });
  });

  test("a flood of messages ends the connection, whatever they are", async () => {
    const { engine, clock } = service({ maxMessagesPerSecond: 10 });
    const device = await RawDevice.greeted(known(engine, {}), network);
    const ping = (id: number): void => device.say({ kind: "ping", id, payload: new Uint8Array(0) });
    for (let second = 1; second <= 20; second++) {
      clock.turn(1000);
      for (let i = 0; i < 10; i++) ping(second);
      await device.hears("pong", second);
    }
    for (let i = 0; i < 30; i++) ping(99);
    expect(await lastWord(device)).toMatchObject({ code: "rate-limited", reason: "Too many messages" });
  });

  test("a client that floods many connections has to wait on all of them; its runs are answered", async () => {
    const clock = new TurnedClock();
    const { engine } = service({ clock, maxMessagesPerSecond: 10, ledger: new ClientLedger({}, clock) });
    const pauses: number[] = [];
    const pause = (ms: number): unknown => pauses.push(ms);
    const floods = await Promise.all(
      Array.from({ length: 6 }, () => RawDevice.greeted(known(engine, { client: "bad", pause }), network)),
    );
    const other = await RawDevice.greeted(known(engine, { client: "good", pause }), network);
    for (const device of floods)
      for (let id = 1; id <= 9; id++) device.say({ kind: "ping", id, payload: new Uint8Array(0) });
    await vi.waitFor(() => expect(pauses.at(-1)).toBe(2000));
    await floods[5]!.asks(run(1));
    const before = pauses.length;
    await other.asks(run(1));
    expect(pauses).toHaveLength(before);
    expect(floods[5]!.heard.filter(({ kind }) => kind === "pong")).toEqual([]);
  });
});
