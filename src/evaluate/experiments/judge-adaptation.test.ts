import { expect, test } from "vitest";
import { type JudgedPhase, judge, recoveryMs } from "./judge-adaptation.ts";

/** Ten seconds from `fromMs`, an image every 100 ms, as slow as `latency` says at that time of the phase. */
function phase(fromMs: number, latency: (ms: number) => number, changesAtMs: readonly number[] = []): JudgedPhase {
  return {
    ...{ fromMs, toMs: fromMs + 10_000, isBlow: true },
    answers: Array.from({ length: 100 }, (_, i) => ({ atMs: fromMs + 100 * i, latencyMs: latency(100 * i) })),
    changes: changesAtMs.map((ms) => ({ atMs: fromMs + ms })),
  };
}

test("met again is when the mean of the next images and of all that follow keeps the bound", () => {
  expect(
    recoveryMs(
      phase(500, () => 90),
      100,
    ),
  ).toBe(0);
  expect(
    recoveryMs(
      phase(500, (ms) => (ms < 2000 ? 1000 : 90)),
      100,
    ),
  ).toBe(2000);
  expect(
    recoveryMs(
      phase(500, () => 110),
      100,
    ),
  ).toBe(10_000);
  // good at first does not count when it does not last
  expect(
    recoveryMs(
      phase(500, (ms) => (ms < 5000 ? 50 : 200)),
      100,
    ),
  ).toBe(10_000);
});

test("single slow images are part of a mean", () => {
  expect(
    recoveryMs(
      phase(0, (ms) => (ms % 1000 === 0 ? 180 : 80)),
      100,
    ),
  ).toBe(0);
});

test("a few slow images at the end are chance; a plan that stays slow for seconds is not made good for by later ones", () => {
  const tail = phase(0, (ms) => (ms < 9000 ? 80 : 130));
  expect(recoveryMs(tail, 100)).toBe(0);
  const late = phase(0, (ms) => (ms < 3000 ? 150 : 60));
  expect(recoveryMs(late, 100)).toBeGreaterThan(2000);
});

test("without an image nothing is met", () => {
  const nothing: JudgedPhase = { fromMs: 0, toMs: 10_000, isBlow: true, answers: [], changes: [] };
  expect(recoveryMs(nothing, 100)).toBe(10_000);
});

test("the worst of all changes for the worse; changes of plan long after any change are for nothing", () => {
  const calm = { ...phase(0, () => 500, [7000, 8000, 9000]), isBlow: false };
  const blow = phase(10_000, (ms) => (ms < 3000 ? 1000 : 90), [1000, 3000]);
  expect(judge([calm, blow], 100)).toEqual({ worstRecoveryMs: 3000, mostPlanChanges: 2, idlePlanChanges: 3 });
  expect(judge([calm], 100)).toMatchObject({ worstRecoveryMs: 0, mostPlanChanges: 0 });
});
