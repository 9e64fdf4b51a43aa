import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRng, normal } from "../random.ts";
import {
  conditionsAt,
  isFresh,
  newRunTimeProfile,
  type Observation,
  observed,
  type RunTimeProfile,
} from "./run-time-profile.ts";

/** The same observation, with some noise, `count` times at so many milliseconds from each other. */
function repeated(
  start: RunTimeProfile,
  seen: Observation,
  count: number,
  fromMs: number,
  everyMs = 50,
  noise = 0,
): RunTimeProfile {
  const rng = createRng(count);
  let profile = start;
  for (let i = 0; i < count; i++) {
    const noisy = Object.fromEntries(
      Object.entries(seen).map(([name, value]) => [
        name,
        typeof value === "number" ? value * Math.exp(noise * normal(rng)) : value,
      ]),
    );
    profile = observed(profile, noisy, fromMs + i * everyMs);
  }
  return profile;
}

test("before anything was observed the priors hold", () => {
  const priors = { deviceFactor: 2, serverFactor: 0.1, uplinkBps: 3e6, rttMs: 70 };
  expect(conditionsAt(newRunTimeProfile(priors), 1e9)).toMatchObject({ ...priors, downlinkBps: 3e6, serverQueueMs: 0 });
});

test("factors, waits and the link are what was observed lately", () => {
  const seen = { deviceFactor: 1.7, serverFactor: 0.3, serverQueueMs: 5, uplinkBps: 4e6, rttMs: 33 };
  const conditions = conditionsAt(repeated(newRunTimeProfile(), seen, 20, 0), 1000);
  expect(conditions).toMatchObject({
    deviceFactor: expect.closeTo(1.7, 9),
    serverFactor: expect.closeTo(0.3, 9),
    serverQueueMs: 5,
    rttMs: 33,
    deviceSpread: 0,
  });
  expect(conditions.uplinkBps).toBeCloseTo(4e6);
});

test("a device that becomes three times slower is known after three images, and until then nothing half-way is believed", () => {
  let profile = repeated(newRunTimeProfile(), { deviceFactor: 1 }, 40, 0, 50, 0.05);
  const factors: number[] = [];
  for (let i = 0; i < 6; i++) {
    profile = observed(profile, { deviceFactor: 3 }, 2000 + 50 * i);
    factors.push(conditionsAt(profile, 2000 + 50 * i).deviceFactor!);
  }
  expect(factors[2]).toBeCloseTo(3, 1);
  for (const factor of factors) expect(factor < 1.15 || factor > 2.5).toBe(true);
});

test("single wild measurements move nothing", () => {
  let profile = repeated(newRunTimeProfile(), { deviceFactor: 1, serverFactor: 0.2 }, 20, 0);
  profile = observed(profile, { deviceFactor: 40, serverFactor: 9 }, 1000);
  expect(conditionsAt(profile, 1000)).toMatchObject({
    deviceFactor: expect.closeTo(1, 9),
    serverFactor: expect.closeTo(0.2, 9),
  });
});

test("two kinds of images that take turns are believed together, and move nothing back and forth", () => {
  const rng = createRng(5);
  let profile = newRunTimeProfile();
  const factors: number[] = [];
  for (let i = 0; i < 300; i++) {
    profile = observed(profile, { deviceFactor: rng() < 0.5 ? 1 : 1.8 }, 100 * i);
    if (i >= 50) factors.push(conditionsAt(profile, 100 * i).deviceFactor!);
  }
  const between = factors.filter((factor) => factor > 1.05 && factor < 1.75);
  expect(between.length / factors.length).toBeGreaterThan(0.6);
  const mean = factors.reduce((sum, factor) => sum + factor, 0) / factors.length;
  expect(Math.abs(mean - 1.4)).toBeLessThan(0.1);
});

test("spread is that of the factors from image to image", () => {
  const profile = repeated(newRunTimeProfile(), { deviceFactor: 1 }, 31, 0, 50, 0.1);
  const { deviceSpread } = conditionsAt(profile, 1500);
  expect(deviceSpread).toBeGreaterThan(0.05);
  expect(deviceSpread).toBeLessThan(0.2);
});

test("what was slow while it warmed up is not believed for long", () => {
  const profile = [8, 1.1, 1].reduce(
    (known, serverFactor, i) => observed(known, { serverFactor }, i),
    newRunTimeProfile(),
  );
  expect(conditionsAt(profile, 3).serverFactor).toBe(1);
});

describe("with age", () => {
  const usual = repeated(newRunTimeProfile(), { deviceFactor: 1, serverFactor: 0.2, uplinkBps: 2e7, rttMs: 40 }, 30, 0);
  const odd = repeated(usual, { deviceFactor: 3, serverFactor: 2, uplinkBps: 1e6, rttMs: 400 }, 10, 1500);

  test("an estimate stands for half a minute, and then goes back to what it usually is", () => {
    const now = conditionsAt(odd, 2000);
    expect(now.deviceFactor).toBeCloseTo(3, 1);
    expect(now.serverFactor).toBeCloseTo(2, 1);
    expect(conditionsAt(odd, 30_000)).toEqual({ ...now, serverQueueMs: 0 });
    const distances = [40, 90, 180, 600].map((s) =>
      Math.abs(Math.log(conditionsAt(odd, 1000 * s).serverFactor! / 0.2)),
    );
    expect(distances).toEqual(distances.toSorted((a, b) => b - a));
    const later = conditionsAt(odd, 600_000);
    expect(later.serverFactor! / 0.2).toBeCloseTo(1, 0);
    expect(later.uplinkBps / 2e7).toBeGreaterThan(0.7);
  });

  test("a wait at the server is forgotten in seconds", () => {
    const waited = repeated(usual, { serverQueueMs: 100 }, 10, 1500);
    expect(conditionsAt(waited, 2000).serverQueueMs).toBe(100);
    expect(conditionsAt(waited, 12_000).serverQueueMs).toBeLessThan(50);
  });

  test("it can be asked whether there is news", () => {
    expect(isFresh(odd.server, 4000, 3000)).toBe(true);
    expect(isFresh(odd.server, 6000, 3000)).toBe(false);
    expect(isFresh(newRunTimeProfile().server, 0, 3000)).toBe(false);
  });
});

test("packing is judged by the device as it is now, also at a cut where both are seen", () => {
  const both = { deviceFactor: 3, packingFactor: 6, work: "relu_5 lz4" };
  const now = conditionsAt(repeated(newRunTimeProfile(), both, 8, 0), 400);
  expect(now.deviceFactor).toBeCloseTo(3);
  expect(now.packingFactor).toBeCloseTo(2);
});

describe("a device that only packs", () => {
  const computed = repeated(newRunTimeProfile(), { deviceFactor: 1.5 }, 10, 0);

  test("tells by that how much slower it has become", () => {
    const packing = repeated(computed, { packingFactor: 4, work: "input lz4" }, 10, 1000);
    // four times the profile from the beginning: that is the images
    expect(conditionsAt(packing, 1500).deviceFactor).toBeCloseTo(1.5);
    const slower = repeated(packing, { packingFactor: 12, work: "input lz4" }, 6, 1500);
    expect(conditionsAt(slower, 1800).deviceFactor).toBeCloseTo(4.5);
  });

  test("that has only just begun to pack tells it as well", () => {
    const packing = repeated(computed, { packingFactor: 4, work: "input lz4" }, 7, 1000);
    const slower = repeated(packing, { packingFactor: 12, work: "input lz4" }, 3, 1500);
    expect(conditionsAt(slower, 1800).deviceFactor).toBeCloseTo(4.5);
    expect(conditionsAt(slower, 1800).packingFactor).toBeCloseTo(4 / 1.5);
  });

  test("is not taken for a faster one when its packing has only warmed up", () => {
    const cold = repeated(computed, { packingFactor: 20, work: "input lz4" }, 4, 1000);
    const warm = repeated(cold, { packingFactor: 6, work: "input lz4" }, 6, 1500);
    expect(conditionsAt(warm, 2000).deviceFactor).toBeCloseTo(1.5);
    expect(conditionsAt(warm, 2000).packingFactor).toBeCloseTo(4);
  });

  test("packing otherwise begins anew, and who computes is believed more", () => {
    const packing = repeated(computed, { packingFactor: 4, work: "input lz4" }, 10, 1000);
    const other = repeated(packing, { packingFactor: 12, work: "input rans" }, 10, 1500);
    expect(conditionsAt(other, 2000).deviceFactor).toBeCloseTo(1.5);
    const slower = repeated(packing, { packingFactor: 12, work: "input lz4" }, 6, 1500);
    expect(conditionsAt(observed(slower, { deviceFactor: 1.5 }, 2000), 2000).deviceFactor).toBeCloseTo(1.5);
  });
});

test("property: whatever is observed, and whenever, the conditions can be planned with", () => {
  const number = fc.oneof(fc.double(), fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e300));
  const seen = fc.record(
    {
      deviceFactor: number,
      packingFactor: number,
      serverFactor: number,
      serverQueueMs: number,
      uplinkBps: number,
      rttMs: number,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(seen, fc.nat(100_000)), { maxLength: 40 }), (events) => {
      let profile = newRunTimeProfile();
      let nowMs = 0;
      for (const [observation, waitMs] of events) {
        nowMs += waitMs;
        profile = observed(profile, observation, nowMs);
      }
      for (const value of Object.values(conditionsAt(profile, nowMs))) {
        expect(Number.isFinite(value)).toBe(true);
        expect(value).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});
