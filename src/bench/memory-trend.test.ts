import { expect, test } from "vitest";
import { type MemorySample, memoryTrend } from "./memory-trend.ts";

const MIB = 2 ** 20;
const samples = (mib: (i: number) => number): MemorySample[] =>
  Array.from({ length: 101 }, (_, i) => ({ atS: i, bytes: mib(i) * MIB }));

test("a leak shows through a garbage collector's ups and downs", () => {
  const sawtooth = (i: number): number => (i % 10) * 3;
  const steady = memoryTrend(
    samples((i) => 100 + sawtooth(i)),
    1,
  );
  expect(steady.growth).toBeCloseTo(1, 1);
  const leaking = memoryTrend(
    samples((i) => 100 + sawtooth(i) + i / 5),
    1,
  );
  expect(leaking.growth).toBeGreaterThan(1.13);
  expect(leaking.peakMiB).toBeCloseTo(100 + 27 + 99 / 5, 3);
});

test("a straight line is found exactly, and the warm-up is left out", () => {
  const trend = memoryTrend(
    samples((i) => (i < 20 ? 1000 : 100 + i)),
    20,
  );
  expect(trend).toMatchObject({ samples: 81 });
  expect(trend.startMiB).toBeCloseTo(120, 6);
  expect(trend.endMiB).toBeCloseTo(200, 6);
  expect(trend.growth).toBeCloseTo(200 / 120, 6);
});

test("two samples are no trend", () => {
  expect(() =>
    memoryTrend(
      samples(() => 1),
      99,
    ),
  ).toThrow("three samples after the warm-up, not 2");
});
