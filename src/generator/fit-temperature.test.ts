// fitTemperature() on logits whose temperature is known, and on degenerate ones.

import fc from "fast-check";
import { expect, test } from "vitest";
import { answerOf } from "../progressive/confidence.ts";
import { createRng, normal } from "../random.ts";
import { fitTemperature } from "./fit-temperature.ts";

/** Labels drawn from softmax(logits / temperature). */
function drawn(images: number, classes: number, temperature: number): { logits: Float32Array; labels: number[] } {
  const rng = createRng(11);
  const logits = Float32Array.from({ length: images * classes }, () => 3 * normal(rng));
  const labels = Array.from({ length: images }, (_, i) => {
    const row = [...logits.subarray(i * classes, (i + 1) * classes)].map((z) => Math.exp(z / temperature));
    let rest = rng() * row.reduce((a, b) => a + b);
    return Math.max(
      0,
      row.findIndex((w) => {
        rest -= w;
        return rest < 0;
      }),
    );
  });
  return { logits, labels };
}

function crossEntropy(logits: Float32Array, labels: readonly number[], temperature: number): number {
  const classes = logits.length / labels.length;
  let sum = 0;
  labels.forEach((label, i) => {
    const row = [...logits.subarray(i * classes, (i + 1) * classes)].map((z) => z / temperature);
    const top = Math.max(...row);
    sum += top + Math.log(row.reduce((s, z) => s + Math.exp(z - top), 0)) - row[label]!;
  });
  return sum / labels.length;
}

test.for([0.3, 1, 2.5, 8])("the temperature %s is found again", (temperature) => {
  const { logits, labels } = drawn(4000, 10, temperature);
  expect(Math.abs(Math.log(fitTemperature(logits, labels) / temperature))).toBeLessThan(0.06);
});

test("property: no other temperature does better", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 2, max: 5 }),
      fc.infiniteStream(fc.double({ min: -50, max: 50, noNaN: true })),
      fc.double({ min: 0.01, max: 100, noNaN: true }),
      (images, classes, numbers, other) => {
        const next = (): number => numbers.next().value as number;
        const logits = Float32Array.from({ length: images * classes }, next);
        const labels = Array.from({ length: images }, () => Math.floor(Math.abs(next())) % classes);
        const fitted = crossEntropy(logits, labels, fitTemperature(logits, labels));
        expect(fitted).toBeLessThanOrEqual(crossEntropy(logits, labels, other) + 1e-6 * (1 + Math.abs(fitted)));
      },
    ),
  );
});

test("logits without information, or without a mistake, end at the bounds", () => {
  expect(fitTemperature(Float32Array.of(5, 1, 5, 1), [0, 0])).toBe(0.01);
  expect(fitTemperature(Float32Array.of(5, 1, 5, 1), [1, 1])).toBe(100);
  expect(fitTemperature(new Float32Array(4), [0, 1])).toBe(100);
  expect(fitTemperature(new Float32Array(0), [])).toBe(1);
  expect(fitTemperature(Float32Array.of(3e38, -3e38, 1, 2), [0, 1])).toBeGreaterThan(0);
});

test("answerOf() is the largest softmax probability", () => {
  expect(answerOf([0, Math.log(3)])).toEqual({ prediction: 1, confidence: 0.75 });
  expect(answerOf([0, 2 * Math.log(3)], 2).confidence).toBeCloseTo(0.75, 6);
  expect(answerOf([1000, 0, -1000])).toEqual({ prediction: 0, confidence: 1 });
  expect(answerOf([2, 2])).toEqual({ prediction: 0, confidence: 0.5 });
  expect(answerOf([Number.NaN, 1]).confidence).toBeNaN();
});
