// The link without clock and sockets: what these properties say, the emulator relies on.

import fc from "fast-check";
import { expect, test } from "vitest";
import { createRng } from "../random.ts";
import type { BandwidthTrace } from "./bandwidth-trace.ts";
import { meanBandwidth } from "./bandwidth-trace.ts";
import { type Capacity, constantCapacity, traceCapacity } from "./capacity.ts";
import { LinkModel } from "./link-model.ts";

const rate = fc.double({ min: 1e3, max: 1e9, noNaN: true });
const trace = fc
  .array(
    fc.record({
      durationMs: fc.double({ min: 0.5, max: 500, noNaN: true }),
      bitsPerSecond: fc.oneof(fc.constant(0), fc.double({ min: 1e4, max: 1e8, noNaN: true })),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .filter((steps) => steps.some((step) => step.bitsPerSecond > 0))
  .map((steps): BandwidthTrace => ({ steps }));
const capacity: fc.Arbitrary<Capacity> = fc.oneof(
  rate.map(constantCapacity),
  trace.map((one) => traceCapacity(one)),
);
/** Pause before each message, ms, and its length. */
const traffic = fc.array(fc.tuple(fc.double({ min: 0, max: 50, noNaN: true }), fc.nat(20_000)), {
  minLength: 1,
  maxLength: 40,
});

/** Bits that fit between two times, by adding up the steps one after the other. */
function bitsBetween({ steps }: BandwidthTrace, fromMs: number, toMs: number): number {
  let [bits, at] = [0, 0];
  for (let i = 0; at < toMs; i = (i + 1) % steps.length) {
    const { durationMs, bitsPerSecond } = steps[i]!;
    const overlapMs = Math.min(at + durationMs, toMs) - Math.max(at, fromMs);
    if (overlapMs > 0) bits += (overlapMs * bitsPerSecond) / 1000;
    at += durationMs;
  }
  return bits;
}

test("nothing is faster than the link, and nothing overtakes", () => {
  fc.assert(
    fc.property(capacity, fc.nat(100), fc.nat(30), traffic, (shape, latencyMs, jitterMs, messages) => {
      const model = new LinkModel({ capacity: shape, latencyMs, jitterMs }, createRng(1));
      let [nowMs, leftMs, arrivedMs] = [0, 0, 0];
      for (const [pauseMs, bytes] of messages) {
        nowMs += pauseMs;
        const { leavesMs, arrivesMs } = model.pass(nowMs, bytes);
        expect(leavesMs).toBe(shape.finishMs(Math.max(nowMs, leftMs), bytes * 8));
        expect(leavesMs).toBeGreaterThanOrEqual(Math.max(nowMs, leftMs));
        expect(arrivesMs).toBeGreaterThanOrEqual(Math.max(arrivedMs, leavesMs + latencyMs));
        expect(arrivesMs).toBeLessThanOrEqual(Math.max(arrivedMs, leavesMs + latencyMs + jitterMs));
        [leftMs, arrivedMs] = [leavesMs, arrivesMs];
      }
    }),
  );
});

test("a message alone takes its length over the rate and the latency, exactly", () => {
  fc.assert(
    fc.property(rate, fc.nat(1000), fc.nat(1e6), fc.nat(1e6), (bitsPerSecond, latencyMs, atMs, bytes) => {
      const model = new LinkModel({ capacity: constantCapacity(bitsPerSecond), latencyMs, jitterMs: 0 }, createRng(1));
      expect(model.pass(atMs, bytes).arrivesMs).toBe(atMs + (bytes * 8000) / bitsPerSecond + latencyMs);
    }),
  );
});

test("a busy link carries its rate, whatever the pieces", () => {
  fc.assert(
    fc.property(
      rate,
      fc.array(fc.integer({ min: 1, max: 65536 }), { minLength: 100, maxLength: 200 }),
      (bps, pieces) => {
        const model = new LinkModel({ capacity: constantCapacity(bps), latencyMs: 0, jitterMs: 0 }, createRng(1));
        const last = pieces.map((bytes) => model.pass(0, bytes).leavesMs).at(-1)!;
        const bits = 8 * pieces.reduce((sum, bytes) => sum + bytes, 0);
        expect((bits / last) * 1000).toBeCloseTo(bps, -Math.floor(Math.log10(bps)) + 6);
      },
    ),
  );
});

test("a trace carries what its steps add up to, in whichever round", () => {
  fc.assert(
    fc.property(
      trace,
      fc.double({ min: 0, max: 5000, noNaN: true }),
      fc.integer({ min: 1, max: 1e6 }),
      (t, fromMs, bits) => {
        const finishMs = traceCapacity(t).finishMs(fromMs, bits);
        // on the way there the steps add up to the bits, and shortly before not yet
        expect(Math.abs(bitsBetween(t, fromMs, finishMs) - bits)).toBeLessThan(1e-3 * Math.max(1000, bits) * 1e-2);
        if (finishMs - 0.01 > fromMs) expect(bitsBetween(t, fromMs, finishMs - 0.01)).toBeLessThan(bits);
      },
    ),
    { numRuns: 300 },
  );
});

test("over a long time a trace carries its mean", () => {
  const steps = [5e6, 0, 38e6, 1e6].map((bitsPerSecond, i) => ({ durationMs: 100 + i, bitsPerSecond }));
  const capacity = traceCapacity({ steps });
  const bits = 1e9;
  expect((bits / capacity.finishMs(0, bits)) * 1000).toBeCloseTo(meanBandwidth({ steps }), -5);
});

test("a trace begins when it is told to", () => {
  const steps = [
    { durationMs: 1000, bitsPerSecond: 8000 },
    { durationMs: 1000, bitsPerSecond: 80_000 },
  ];
  const capacity = traceCapacity({ steps }, 500);
  expect(capacity.bitsPerSecondAt(1499)).toBe(8000);
  expect(capacity.bitsPerSecondAt(1501)).toBe(80_000);
  expect(capacity.bitsPerSecondAt(2501)).toBe(8000);
  expect(capacity.finishMs(500, 8000)).toBe(1500);
  expect(capacity.finishMs(1000, 4000 + 8000)).toBe(1600);
});

test("jitter is seeded and fills its range", () => {
  const late = (seed: number): number[] => {
    const model = new LinkModel({ capacity: constantCapacity(1e9), latencyMs: 20, jitterMs: 10 }, createRng(seed));
    return Array.from({ length: 200 }, (_, i) => model.pass(i * 100, 0).arrivesMs - i * 100 - 20);
  };
  expect(late(1)).toEqual(late(1));
  expect(late(1)).not.toEqual(late(2));
  const mean = late(1).reduce((sum, ms) => sum + ms, 0) / 200;
  expect(mean).toBeGreaterThan(4);
  expect(mean).toBeLessThan(6);
  expect(Math.max(...late(1))).toBeGreaterThan(9);
});
