import fc from "fast-check";
import { expect, test } from "vitest";
import { createRng } from "../random.ts";
import { backoffMs, defaultBackoff, refusedBackoffMs } from "./device-backoff.ts";

test("waits are spread from 0 up to a limit that doubles and then stays", () => {
  for (const [failures, limit] of [
    [0, 200],
    [1, 400],
    [3, 1600],
    [5, 5000],
    [400, 5000],
  ] as const) {
    const rng = createRng(failures);
    const waits = Array.from({ length: 2000 }, () => backoffMs(failures, defaultBackoff, rng));
    expect(Math.max(...waits)).toBeLessThanOrEqual(limit);
    expect(Math.max(...waits)).toBeGreaterThan(0.98 * limit);
    expect(Math.min(...waits)).toBeLessThan(0.02 * limit);
  }
});

test("no number of failures makes a wait that is none", () => {
  fc.assert(
    fc.property(fc.nat(2 ** 31), fc.nat(), (failures, seed) => {
      const wait = backoffMs(failures, defaultBackoff, createRng(seed));
      expect(wait >= 0 && wait <= defaultBackoff.mostMs).toBe(true);
    }),
  );
});

test("a server that does not know us is not asked at once again; a busy one is", () => {
  const backoff = { firstMs: 100, mostMs: 5000 };
  expect(refusedBackoffMs("unauthorized", 0, backoff, () => 0)).toBe(5000);
  expect(refusedBackoffMs("quota", 3, backoff, () => 0.999)).toBeCloseTo(9995);
  expect(refusedBackoffMs("rate-limited", 1, backoff, () => 0.5)).toBe(100);
});
