// The size that is chosen against curves that are known, with noise and when they change.

import { expect, test } from "vitest";
import { createRng } from "../random.ts";
import { CostCurve } from "./cost-curve.ts";

/** Runs batches of whatever size the curve asks for. @returns the sizes */
function follow(curve: CostCurve, msOf: (size: number) => number, runs: number): number[] {
  return Array.from({ length: runs }, () => {
    const { size } = curve;
    curve.observe(size, msOf(size));
    return size;
  });
}

test("a slice that gains takes as many as there may be, one that loses takes one", () => {
  const gains = new CostCurve(32);
  follow(gains, (size) => 1 + 0.5 * size, 100);
  expect(gains.size).toBe(32);
  const loses = new CostCurve(32);
  expect(follow(loses, (size) => size ** 1.1, 100).filter((size) => size > 1)).toHaveLength(6);
  expect(loses.size).toBe(1);
  expect(loses.singleMs).toBe(1);
});

test("the turning point is found: what MobileNetV2 does at 224", () => {
  const curve = new CostCurve(32);
  const perImage: Readonly<Record<number, number>> = { 1: 10, 2: 9.3, 4: 9.6 };
  const sizes = follow(curve, (size) => size * perImage[size]!, 150);
  expect(curve.size).toBe(2);
  expect(Math.max(...sizes)).toBe(4);
});

test("what the machine does beside does not change the choice", () => {
  const rng = createRng(1);
  const curve = new CostCurve(8);
  follow(curve, (size) => (1 + 0.6 * size) * (rng() < 0.6 ? 1 + 10 * rng() : 1), 2000);
  expect(curve.size).toBeGreaterThanOrEqual(4);
});

test("a machine that has changed is noticed, in both directions", () => {
  const curve = new CostCurve(8);
  const [gaining, losing] = [(size: number) => 1 + 0.5 * size, (size: number) => size ** 1.2];
  follow(curve, gaining, 100);
  expect(curve.size).toBe(8);
  follow(curve, losing, 3000);
  expect(curve.size).toBe(1);
  follow(curve, gaining, 3000);
  expect(curve.size).toBe(8);
});

test("sizes between those that are tried do no harm", () => {
  const curve = new CostCurve(8);
  follow(curve, (size) => 1 + 0.5 * size, 18);
  for (let i = 0; i < 50; i++) curve.observe(3, 100);
  follow(curve, (size) => 1 + 0.5 * size, 20);
  expect(curve.size).toBe(8);
});
