// The exit rule against a second reading of it, and its corners.

import fc from "fast-check";
import { expect, test } from "vitest";
import { checkThresholds, decide, isConfident, mostConfident } from "./exit-policy.ts";

const confidences = fc.array(fc.oneof(fc.constantFrom(0, 0.5, 0.9, 1), fc.float({ min: 0, max: 1, noNaN: true })), {
  minLength: 1,
  maxLength: 8,
});
const threshold = fc.oneof(fc.constantFrom(0, 0.5, 0.9, 1), fc.double({ min: 0, max: 1, noNaN: true }));

test("property: decide() is the first confident exit, else the most confident one", () => {
  fc.assert(
    fc.property(confidences, fc.array(threshold, { minLength: 8, maxLength: 8 }), fc.boolean(), (raw, many, single) => {
      const values = raw.map(Math.fround);
      const thresholds = single ? many[0]! : many.slice(0, values.length);
      const limits = values.map((_, i) => Math.fround(single ? many[0]! : many[i]!));
      const confident = values.flatMap((c, i) => (c >= limits[i]! ? [i] : []));
      const expected =
        confident.length > 0
          ? { exit: confident[0], reached: confident[0] }
          : { exit: values.lastIndexOf(Math.max(...values)), reached: values.length - 1 };
      expect(decide(Float32Array.from(values), thresholds)).toEqual(expected);
    }),
  );
});

test("nobody confident: an early exit may win, at the price of the whole network", () => {
  expect(decide([0.2, 0.6, 0.5], 0.9)).toEqual({ exit: 1, reached: 2 });
  expect(decide([0.6, 0.6, 0.6], 0.9)).toEqual({ exit: 2, reached: 2 });
  expect(decide([0.6], 0.9)).toEqual({ exit: 0, reached: 0 });
});

test("threshold 1 is met by 1 alone, threshold 0 by anything", () => {
  expect(decide([1 - 2 ** -24, 0.5, 0.4], 1)).toEqual({ exit: 0, reached: 2 });
  expect(decide([0.5, 1, 0.4], 1)).toEqual({ exit: 1, reached: 1 });
  expect(decide([0, 0.5], 0)).toEqual({ exit: 0, reached: 0 });
});

test("confidence and threshold meet as float32", () => {
  expect(isConfident(Math.fround(0.9), 0.9)).toBe(true);
  expect(isConfident(Math.fround(0.9) - 2 ** -24, 0.9)).toBe(false);
});

test("an exit that is no number is never confident, and never the most confident if another is one", () => {
  expect(decide([Number.NaN, 0.95, 0.4], 0.9)).toEqual({ exit: 1, reached: 1 });
  expect(mostConfident([Number.NaN, 0.3, 0.2])).toBe(1);
  expect(mostConfident([0.3, 0.2, Number.NaN])).toBe(0);
  expect(mostConfident([Number.NaN, Number.NaN])).toBe(1);
});

test("senseless thresholds are refused", () => {
  checkThresholds(0.5, 7);
  checkThresholds([0, 1], 2);
  for (const [thresholds, exits] of [
    [-0.1, 2],
    [1.1, 2],
    [Number.NaN, 2],
    [[0.5, 2], 2],
    [[0.5], 2],
  ] as const)
    expect(() => checkThresholds(thresholds, exits)).toThrow(RangeError);
});
