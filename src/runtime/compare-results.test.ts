import { expect, test } from "vitest";
import { float32, int64, type Tensor } from "../tensor.ts";
import { agree, isBlank } from "./compare-results.ts";

const of = (...values: number[]): { y: Tensor } => ({ y: float32(Float32Array.from(values), [values.length]) });

test("isBlank() is true of zeros alone", () => {
  expect(isBlank({ ...of(0, -0), n: int64([0]) })).toBe(true);
  expect(isBlank({ ...of(0, 0), n: int64([1]) })).toBe(false);
  expect(isBlank(of(0, Number.NaN))).toBe(false);
});

test("agree() allows for another order of sums, and for nothing else", () => {
  expect(agree(of(10, 0.19), of(10, 0))).toBe(true);
  expect(agree(of(10, 0.21), of(10, 0))).toBe(false);
  expect(agree(of(0, 0), of(10, 0))).toBe(false);
  expect(agree(of(0, 0), of(0, 0))).toBe(true);
  expect(agree(of(1e-9), of(0))).toBe(false);
  expect(agree({ y: int64([200]) }, { y: int64([201]) })).toBe(true);
});

test("agree() wants all outputs, of the same size", () => {
  expect(agree({}, of(1))).toBe(false);
  expect(agree(of(1, 1), of(1))).toBe(false);
});

test("agree() wants what is no number, or infinite, in the same places", () => {
  expect(agree(of(Number.NaN, 1), of(Number.NaN, 1))).toBe(true);
  expect(agree(of(Number.NaN, 1), of(1, 1))).toBe(false);
  expect(agree(of(1, 1), of(Number.NaN, 1))).toBe(false);
  expect(agree(of(Number.POSITIVE_INFINITY), of(Number.NEGATIVE_INFINITY))).toBe(false);
});
