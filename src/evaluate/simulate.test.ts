// The simulation against the scheduler's estimate, which was written apart from it, and against what can be computed by hand.

import fc from "fast-check";
import { expect, test } from "vitest";
import { percentile } from "../percentile.ts";
import { type Conditions, estimate, NOT_ASKED, type Plan, type Profile } from "../scheduler/index.ts";
import { syntheticProfile } from "../scheduler/synthetic-profile.ts";
import { type Failures, type SimulateOptions, type Simulation, simulate } from "./simulate.ts";

const EXITS = 7;
const link: Conditions = { uplinkBps: 8e6, downlinkBps: 8e6, rttMs: 20 };
const profile = syntheticProfile({ seed: 5, images: 400, codecs: ["float32", "lz4"] });

function run(plan: Plan, change: Partial<SimulateOptions> & { conditions?: Conditions } = {}): Simulation {
  const { conditions = link, ...options } = change;
  const from = options.profile ?? profile;
  const { images } = from.model.record;
  const world = [{ fromMs: 0, conditions }];
  const all = Array.from({ length: images }, (_, i) => i);
  return simulate({ profile: from, images: all, world, planner: () => plan, seed: 1, ...options });
}

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
const meanOf = ({ answers }: Simulation, key: "latencyMs" | "deviceMs" | "serverMs" | "bytesUp" | "energyMj"): number =>
  mean(answers.map((answer) => answer[key]));
const accuracyOf = ({ answers }: Simulation): number => mean(answers.map(({ correct }) => Number(correct)));

/** Times without any spread, for what is to be exact. */
function steady(from: Profile): Profile {
  const still = <T extends { meanMs: number }>(one: T): { meanMs: number; spreadMs: number } => {
    return { meanMs: one.meanMs, spreadMs: 0 };
  };
  const side = ({ steps, heads, coding }: Profile["device"]): Profile["device"] => {
    return { steps: steps.map(still), heads: heads.map(still), coding: coding.map((each) => each.map(still)) };
  };
  return { model: from.model, device: side(from.device), server: side(from.server) };
}
const exact = steady(profile);

const anyPlan = fc.record({
  cut: fc.integer({ min: 0, max: profile.model.cuts.length - 1 }),
  codec: fc.constantFrom("float32", "lz4"),
  thresholds: fc.array(fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constant(NOT_ASKED)), {
    minLength: EXITS - 1,
    maxLength: EXITS - 1,
  }),
});
const planFrom = ({ cut, codec, thresholds }: { cut: number; codec: string; thresholds: number[] }): Plan => {
  const { id, codecs } = profile.model.cuts[cut]!;
  return { cut: id, codec: codecs.length > 0 ? codec : "none", thresholds: [...thresholds, 0] };
};

test("one image at a time, steady times: every mean is the estimate's", () => {
  fc.assert(
    fc.property(
      anyPlan,
      fc.double({ min: 1e5, max: 1e8, noNaN: true }),
      fc.double({ min: 1, max: 5, noNaN: true }),
      (of, uplinkBps, factor) => {
        const plan = planFrom(of);
        const beside = { prepareMs: 3 * factor, packingFactor: 1 + factor };
        const conditions = { ...link, ...beside, uplinkBps, deviceFactor: factor, serverFactor: 2 * factor };
        const expected = estimate(exact, conditions, plan);
        const found = run(plan, { profile: exact, conditions });
        expect(accuracyOf(found)).toBeCloseTo(expected.accuracy, 9);
        expect(meanOf(found, "latencyMs")).toBeCloseTo(expected.latency.mean, 5);
        expect(meanOf(found, "deviceMs")).toBeCloseTo(expected.deviceCost, 6);
        expect(meanOf(found, "serverMs")).toBeCloseTo(expected.serverCost, 6);
        expect(meanOf(found, "bytesUp")).toBeCloseTo(expected.bytes, 6);
        expect(meanOf(found, "energyMj")).toBeCloseTo(expected.energy, 4);
      },
    ),
    { numRuns: 60 },
  );
});

test("with spread, jitter and waits: percentiles are the estimate's", () => {
  const conditions = { ...link, jitterMs: 4, deviceSpread: 0.1, serverQueueMs: 5 };
  const all = Array.from({ length: 20 * 400 }, (_, i) => i % 400);
  for (const [cut, t] of [
    [0, 0.8],
    [8, 0.9],
    [14, 0.6],
    [19, 0.9],
  ] as const) {
    const plan = planFrom({ cut, codec: "lz4", thresholds: new Array<number>(EXITS - 1).fill(t) });
    const expected = estimate(profile, conditions, plan).latency;
    const latencies = run(plan, { conditions, images: all })
      .answers.map(({ latencyMs }) => latencyMs)
      .sort((a, b) => a - b);
    expect(mean(latencies) / expected.mean).toBeCloseTo(1, 1.5);
    expect(percentile(latencies, 0.95) / expected.p95).toBeCloseTo(1, 1.2);
  }
});

test("many in flight: the slowest of device, uplink and server sets the pace", () => {
  const images = Array.from({ length: 4000 }, (_, i) => (i * 7) % 400);
  for (const [cut, conditions] of [
    [0, { ...link, uplinkBps: 2e5 }],
    [6, link],
    [0, { ...link, uplinkBps: 1e9, serverFactor: 30 }],
  ] as const) {
    const plan = planFrom({ cut, codec: "lz4", thresholds: new Array<number>(EXITS - 1).fill(0.8) });
    const arrivals = { kind: "closed", inFlight: 64 } as const;
    const { tookMs } = run(plan, { profile: exact, conditions, images, arrivals });
    expect((1000 * images.length) / tookMs / estimate(exact, conditions, plan).throughput).toBeCloseTo(1, 1.2);
  }
});

test("random arrivals at a station of constant service: the wait of an M/D/1 queue", () => {
  const whole: Plan = { cut: "none", codec: "none", thresholds: [...new Array<number>(EXITS - 1).fill(NOT_ASKED), 0] };
  const images = Array.from({ length: 60_000 }, (_, i) => i % 400);
  const serviceMs = estimate(exact, link, whole).deviceCost;
  for (const load of [0.3, 0.7]) {
    const found = run(whole, { profile: exact, images, arrivals: { kind: "open", everyMs: serviceMs / load } });
    const waitMs = (load * serviceMs) / (2 * (1 - load));
    expect((meanOf(found, "latencyMs") - serviceMs) / waitMs).toBeCloseTo(1, 1);
  }
});

test("the seed names the result", () => {
  const plan = planFrom({ cut: 8, codec: "lz4", thresholds: new Array<number>(EXITS - 1).fill(0.8) });
  const conditions = { ...link, jitterMs: 3 };
  expect(run(plan, { conditions })).toEqual(run(plan, { conditions }));
  expect(run(plan, { conditions, seed: 2 })).not.toEqual(run(plan, { conditions }));
});

test("conditions change while it runs: bandwidth, and what the planner hears", () => {
  const plan = planFrom({ cut: 0, codec: "float32", thresholds: new Array<number>(EXITS - 1).fill(NOT_ASKED) });
  const heard: number[] = [];
  const world = [
    { fromMs: 0, conditions: link },
    { fromMs: 5000, conditions: { ...link, uplinkBps: 8e5 } },
  ];
  const { answers } = run(plan, {
    profile: exact,
    world,
    planner: (nowMs, { at }) => {
      heard.push(at(nowMs).uplinkBps);
      return plan;
    },
  });
  const bytes = exact.model.cuts[0]!.codecs[0]!.bytes;
  const before = answers.filter(({ startedMs, latencyMs }) => startedMs + latencyMs < 5000);
  const after = answers.filter(({ startedMs }) => startedMs > 5000);
  expect(heard.indexOf(8e5)).toBe(answers.length - after.length);
  const fixedMs = estimate(exact, link, plan).latency.mean - bytesMs(mean(Array.from(bytes)), 8e6);
  for (const [some, bps] of [[before, 8e6] as const, [after, 8e5] as const])
    for (const { image, latencyMs } of some) expect(latencyMs).toBeCloseTo(fixedMs + bytesMs(bytes[image]!, bps), 3);
});
const bytesMs = (bytes: number, bps: number): number => (bytes * 8000) / bps;

test("a server that fails: who loses, who answers by the best exit so far, who goes on", () => {
  const plan = planFrom({ cut: 12, codec: "float32", thresholds: new Array<number>(EXITS - 1).fill(0.9) });
  const images = Array.from({ length: 20 * 400 }, (_, i) => i % 400);
  const failing = (response: Failures["response"], probability = 0.5): Simulation =>
    run(plan, { profile: exact, images, failures: { probability, noticedAfterMs: 200, response } });
  const expected = estimate(exact, { ...link, serverFailureProbability: 0.5 }, plan);
  const soFar = failing("so-far");
  expect(accuracyOf(soFar)).toBeCloseTo(expected.robustness, 1.8);
  const lost = failing("lose").answers.filter(({ source }) => source === "nobody");
  expect(lost.length).toBeGreaterThan(0);
  expect(lost.every(({ correct }) => !correct)).toBe(true);
  const alone = estimate(exact, link, { ...plan, cut: "none", codec: "none" });
  const goesOn = failing("go-on", 1);
  expect(accuracyOf(goesOn)).toBeCloseTo(alone.accuracy, 9);
  const hedged = failing("hedge", 1);
  expect(accuracyOf(hedged)).toBeCloseTo(alone.accuracy, 9);
  expect(meanOf(hedged, "latencyMs")).toBeLessThan(meanOf(goesOn, "latencyMs") - 10);
  expect(meanOf(failing("hedge", 0), "latencyMs")).toBeLessThanOrEqual(expected.latency.mean + 1e-6);
});
