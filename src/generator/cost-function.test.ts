import { expect, test } from "vitest";
import { shallowDeepTau } from "./cost-function.ts";

const fractions = [0.15, 0.3, 0.9];

test("every exit starts at 0.01, the final output at 1", () => {
  expect(shallowDeepTau(fractions, 0, 100)).toEqual([0.01, 0.01, 0.01, 1]);
});

test("exits rise in proportion to their depth and stop at it", () => {
  const [first, second, third, final] = shallowDeepTau(fractions, 50, 100) as [number, number, number, number];
  expect(first).toBeCloseTo(0.01 + 0.075, 12);
  expect(second).toBeCloseTo(0.01 + 0.15, 12);
  expect(third).toBeCloseTo(0.01 + 0.45, 12);
  expect(final).toBe(1);
  // 0.01 + 0.99 * 0.15 is past 0.15
  expect(shallowDeepTau(fractions, 99, 100)).toEqual([0.15, 0.3, 0.9, 1]);
  const rising = Array.from({ length: 100 }, (_, epoch) => shallowDeepTau(fractions, epoch, 100)[1]!);
  expect(rising).toEqual([...rising].sort((a, b) => a - b));
});
