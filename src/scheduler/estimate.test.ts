// estimate() against playing it out: every image many times, every step's time drawn by itself, the exit rule asked each time.

import fc from "fast-check";
import { expect, test } from "vitest";
import { decide } from "../progressive/exit-policy.ts";
import { createRng, normal, type Rng } from "../random.ts";
import type { Conditions } from "./conditions.ts";
import { type Design, NOT_ASKED } from "./design.ts";
import { estimate } from "./estimate.ts";
import type { Profile, Timing } from "./profile.ts";
import { syntheticProfile } from "./synthetic-profile.ts";

interface Played {
  readonly latencies: Float64Array;
  readonly right: number;
  readonly rightAlone: number;
  readonly bytes: number;
  readonly deviceMs: number;
  readonly serverMs: number;
}

function play(profile: Profile, conditions: Conditions, design: Design, draws: number, rng: Rng): Played {
  const { model, device, server } = profile;
  const c = model.cuts.findIndex(({ id }) => id === design.cut);
  const cut = model.cuts[c]!;
  const k = cut.codecs.findIndex(({ codec }) => codec === design.codec);
  const sent = cut.codecs[k];
  const exits = device.heads.length;
  const { deviceFactor = 1, serverFactor = 1, serverQueueMs = 0, jitterMs = 0 } = conditions;
  const draw = ({ meanMs, spreadMs }: Timing): number => meanMs + spreadMs * normal(rng);
  const list = typeof design.thresholds === "number" ? Array(exits).fill(design.thresholds) : design.thresholds;
  const asked = list.map((t: number, exit: number) => t <= 1 || exit === exits - 1);
  const place = (exit: number): number => model.cuts.findIndex(({ exitsBefore }) => exitsBefore > exit);
  const played = { right: 0, rightAlone: 0, bytes: 0, deviceMs: 0, serverMs: 0 };
  const latencies = new Float64Array(draws);
  for (let n = 0; n < draws; n++) {
    const i = n % model.record.images;
    const behind = exits - cut.exitsBefore;
    const at = (exit: number): [Profile["model"]["record"], number] =>
      exit < cut.exitsBefore || !sent
        ? [model.record, i * exits + exit]
        : [sent.record, i * behind + exit - cut.exitsBefore];
    const confidences = asked.map((yes: boolean, exit: number) => {
      const [record, j] = at(exit);
      return yes ? record.confidences[j]! : Number.NaN;
    });
    const isRight = (exit: number): number => {
      const [record, j] = at(exit);
      return record.correct[j]!;
    };
    const { exit, reached } = decide(confidences, list);
    played.right += isRight(exit);
    const local = reached < cut.exitsBefore;
    let deviceMs = 0;
    for (let s = 0; s < (local ? place(reached) : c); s++) deviceMs += draw(device.steps[s]!);
    for (let e = 0; e < (local ? reached + 1 : cut.exitsBefore); e++) if (asked[e]) deviceMs += draw(device.heads[e]!);
    if (local) {
      played.rightAlone += isRight(exit);
      deviceMs *= deviceFactor;
      latencies[n] = deviceMs;
    } else {
      const own = confidences.slice(0, cut.exitsBefore).map((x: number) => (Number.isNaN(x) ? -1 : x));
      const most = Math.max(-1, ...own);
      if (most >= 0) played.rightAlone += isRight(own.lastIndexOf(most));
      deviceMs = deviceFactor * (deviceMs + draw(device.coding[c]![k]!));
      let serverMs = draw(server.coding[c]![k]!);
      for (let s = c; s < place(reached); s++) serverMs += draw(server.steps[s]!);
      for (let e = cut.exitsBefore; e <= reached; e++) if (asked[e]) serverMs += draw(server.heads[e]!);
      serverMs *= serverFactor;
      const bytes = sent!.bytes[i]!;
      const trip = conditions.rttMs + jitterMs * normal(rng) + serverQueueMs + serverQueueMs * normal(rng);
      latencies[n] =
        deviceMs + serverMs + trip + (bytes * 8000) / conditions.uplinkBps + (64 * 8000) / conditions.downlinkBps;
      played.serverMs += serverMs;
      played.bytes += bytes;
    }
    played.deviceMs += deviceMs;
  }
  latencies.sort();
  const mean = (sum: number): number => sum / draws;
  return {
    latencies,
    right: mean(played.right),
    rightAlone: mean(played.rightAlone),
    bytes: mean(played.bytes),
    deviceMs: mean(played.deviceMs),
    serverMs: mean(played.serverMs),
  };
}

const setting = fc.record({
  seed: fc.nat(1e6),
  cut: fc.nat(9),
  codec: fc.constantFrom("float32", "lz4"),
  thresholds: fc.oneof(
    fc.double({ min: 0.2, max: 1, noNaN: true }),
    fc.array(fc.constantFrom(0.3, 0.5, 0.7, 0.9, NOT_ASKED), { minLength: 5, maxLength: 5 }),
  ),
  uplinkBps: fc.constantFrom(1e6, 8e6, 24e6),
  rttMs: fc.constantFrom(1, 40),
  deviceFactor: fc.constantFrom(0.5, 1, 3),
  serverFactor: fc.constantFrom(1, 4),
});

test("property: what is estimated is what happens", () => {
  const draws = 20_000;
  fc.assert(
    fc.property(setting, ({ seed, cut: c, codec, thresholds, ...link }) => {
      const profile = syntheticProfile({ seed, exits: 5, cuts: 10, images: 200 });
      const cut = profile.model.cuts[c]!.id;
      const design = { cut, thresholds, codec: cut === "none" ? "none" : codec };
      const conditions = {
        ...link,
        downlinkBps: 24e6,
        jitterMs: 2,
        serverQueueMs: 0.5,
        serverFailureProbability: 0.25,
      };
      const expected = estimate(profile, conditions, design);
      const { latencies, ...played } = play(profile, conditions, design, draws, createRng(seed));
      const mean = latencies.reduce((sum, ms) => sum + ms, 0) / draws;
      const rank = (q: number): number => latencies[Math.floor(q * draws)]!;
      const near = (a: number, b: number): void => expect(Math.abs(a - b)).toBeLessThan(0.01 * Math.max(a, b) + 1e-9);
      near(expected.latency.mean, mean);
      // A percentile may lie in a gap between two exits: the share of images below it counts, not milliseconds.
      for (const [q, ms] of [
        [0.5, expected.latency.p50],
        [0.95, expected.latency.p95],
        [0.99, expected.latency.p99],
      ] as const) {
        expect(ms).toBeGreaterThan(0.98 * rank(Math.max(0, q - 0.015)));
        expect(ms).toBeLessThan(1.02 * rank(Math.min(1 - 1 / draws, q + 0.015)));
      }
      expect(expected.accuracy).toBeCloseTo(played.right, 9);
      const robust = 0.75 * played.right + 0.25 * played.rightAlone;
      expect(expected.robustness).toBeCloseTo(robust, 9);
      expect(expected.bytes).toBeCloseTo(played.bytes, 6);
      near(expected.deviceCost, played.deviceMs);
      near(expected.serverCost, played.serverMs);
      const busy = Math.max(played.deviceMs, played.serverMs, (played.bytes * 8000) / link.uplinkBps);
      near(expected.throughput, 1000 / busy);
      expect(expected.exitRates.reduce((sum, rate) => sum + rate, 0)).toBeCloseTo(1, 9);
    }),
    { numRuns: 60, seed: 1 },
  );
});

/** One exit, two cuts and 4 images that the network gets right 3 times: small enough for paper. */
const tiny: Profile = {
  model: {
    record: {
      images: 4,
      confidences: Float32Array.of(0.9, 0.6, 0.5, 0.7, 0.8, 0.9, 0.2, 0.3),
      correct: Uint8Array.of(1, 1, 0, 1, 1, 1, 1, 0),
    },
    cuts: [
      { id: "input", exitsBefore: 0, sparse: true, codecs: [] },
      {
        id: "middle",
        exitsBefore: 1,
        sparse: true,
        codecs: [
          {
            codec: "lz4",
            bytes: [100, 200, 300, 400],
            record: { images: 4, confidences: Float32Array.of(0.5, 0.6, 0.9, 0.1), correct: Uint8Array.of(1, 1, 0, 1) },
          },
        ],
      },
      { id: "none", exitsBefore: 2, sparse: true, codecs: [] },
    ],
    replyBytes: 0,
  },
  device: {
    steps: [
      { meanMs: 10, spreadMs: 0 },
      { meanMs: 30, spreadMs: 0 },
    ],
    heads: [
      { meanMs: 1, spreadMs: 0 },
      { meanMs: 2, spreadMs: 0 },
    ],
    coding: [[], [{ meanMs: 3, spreadMs: 0 }], []],
  },
  server: {
    steps: [
      { meanMs: 1, spreadMs: 0 },
      { meanMs: 5, spreadMs: 0 },
    ],
    heads: [
      { meanMs: 0.5, spreadMs: 0 },
      { meanMs: 0.5, spreadMs: 0 },
    ],
    coding: [[], [{ meanMs: 0.5, spreadMs: 0 }], []],
  },
};
const link = {
  uplinkBps: 8e5, // 100 bytes a millisecond
  downlinkBps: 8e5,
  rttMs: 20,
  serverFailureProbability: 1,
  power: { computeW: 2, waitW: 0.5, uplinkW: 1, uplinkWPerMbps: 1, downlinkW: 0, downlinkWPerMbps: 0 },
};

test("by hand: two images stay on the device, two are sent", () => {
  // Confidence at exit 0: 0.9, 0.5, 0.8, 0.2. So images 0 and 2 stop there after 11 ms. The others pack (3 ms), send 200 and
  // 400 bytes (2 and 4 ms), wait 20 ms and are 6 ms on the server.
  const expected = estimate(tiny, link, { cut: "middle", thresholds: 0.7, codec: "lz4" });
  expect(expected.latency.mean).toBeCloseTo((11 + 11 + 42 + 44) / 4, 9);
  expect(expected.latency.p50).toBeCloseTo(11, 5);
  // bytes of one exit count as normally distributed: 3 ± 1 ms
  expect(expected.latency.p99).toBeCloseTo(43 + 2.0537, 3);
  expect(expected.deviceCost).toBeCloseTo((11 + 11 + 14 + 14) / 4, 9);
  expect(expected.serverCost).toBeCloseTo(3, 9);
  expect(expected.bytes).toBe(150);
  expect(expected.throughput).toBeCloseTo(1000 / 12.5, 9);
  expect(expected.energy).toBeCloseTo(2 * 12.5 + 1.8 * 1.5 + 0.5 * (10 + 3), 9);
  // Nobody is sure about image 1: 0.5 at exit 0, wrong, 0.6 at the end, right. Of image 3 the 0.2 of exit 0 beats 0.1.
  expect(expected.accuracy).toBe(4 / 4);
  expect(expected.robustness).toBe(3 / 4);
  expect(expected.exitRates).toEqual([0.5, 0.5]);
});

test("an exit that is not asked costs nothing and says nothing", () => {
  const expected = estimate(tiny, link, { cut: "middle", thresholds: [NOT_ASKED, 0], codec: "lz4" });
  expect(expected.deviceCost).toBeCloseTo(13, 9);
  expect(expected.accuracy).toBe(3 / 4);
  expect(expected.robustness).toBe(0);
  expect(expected.exitRates).toEqual([0, 1]);
});

test("at none nothing is sent, whatever the link", () => {
  const dead = estimate(tiny, { ...link, uplinkBps: 0 }, { cut: "none", thresholds: 1, codec: "none" });
  expect(dead.latency.p99).toBeCloseTo(43, 4);
  expect(dead.bytes).toBe(0);
  expect(dead.robustness).toBe(dead.accuracy);
});

test("what does not exist is refused", () => {
  const wrong = (design: Partial<Design>): (() => unknown) => {
    return () => estimate(tiny, link, { cut: "middle", thresholds: 1, codec: "lz4", ...design });
  };
  expect(wrong({ cut: "nowhere" })).toThrow(/no cut "nowhere"/);
  expect(wrong({ codec: "zip" })).toThrow(/no codec "zip" at middle/);
  expect(wrong({ thresholds: [1] })).toThrow(/1 thresholds for 2 exits/);
  expect(wrong({ thresholds: -1 })).toThrow(RangeError);
  expect(() => estimate(tiny, { ...link, rttMs: -1 }, { cut: "none", thresholds: 1, codec: "none" })).toThrow(/rttMs/);
});
