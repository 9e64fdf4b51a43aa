// When a device leaves a full server alone, and for how long.

import { expect, test } from "vitest";
import { BusyPause } from "./busy-pause.ts";

const longest = (): number => 1 - Number.EPSILON;

/** Refused `times` times, each as soon as a run may be sent again. @returns the pauses */
function pauses(pause: BusyPause, times: number): number[] {
  let nowMs = 0;
  return Array.from({ length: times }, () => {
    pause.refused("busy", nowMs, nowMs);
    const fromMs = nowMs;
    while (pause.at(nowMs)) nowMs++;
    return nowMs - fromMs;
  });
}

test("each refusal doubles the pause, up to a second", () => {
  expect(pauses(new BusyPause(longest), 8)).toEqual([20, 40, 80, 160, 320, 640, 1000, 1000]);
});

test("pauses are random, so that devices do not come back together", () => {
  expect(pauses(new BusyPause(() => 0.25), 3)).toEqual([5, 10, 20]);
});

test("runs that were under way when the pause began make it no longer", () => {
  const pause = new BusyPause(longest);
  pause.refused("busy", 0, 10);
  for (const sentAtMs of [1, 2, 3]) pause.refused("busy", sentAtMs, 12);
  expect([pause.at(29), pause.at(30)]).toEqual(["busy", undefined]);
});

test("two answers make up for a refusal", () => {
  const pause = new BusyPause(longest);
  pauses(pause, 3);
  for (let i = 0; i < 6; i++) pause.answered();
  pause.refused("rate-limited", 5000, 5000);
  expect([pause.at(5019), pause.at(5020)]).toEqual(["rate-limited", undefined]);
});

test("what is wrong with the run itself is no reason to wait", () => {
  const pause = new BusyPause(longest);
  for (const code of ["bad-payload", "deadline", "too-large"] as const) pause.refused(code, 0, 0);
  expect(pause.at(0)).toBeUndefined();
});
