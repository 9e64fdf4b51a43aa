import { expect, test } from "vitest";
import { logScale } from "./log-scale.ts";

test("positions are values and back, from end to end", () => {
  const scale = logScale(2, 2000, 60);
  expect(scale.valueAt(0)).toBe(2);
  expect(scale.valueAt(60)).toBeCloseTo(2000, 6);
  for (let at = 0; at <= scale.steps; at++) expect(scale.positionOf(scale.valueAt(at))).toBe(at);
});

test("a value outside is at the end, and what is no number at the start", () => {
  const scale = logScale(1, 1000, 10);
  expect([0, 1e-9, 1e9, Number.NaN, -1].map((value) => scale.positionOf(value))).toEqual([0, 0, 10, 0, 0]);
});
