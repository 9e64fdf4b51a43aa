// fitFinalTemperature(): the last resort of the exit rule is as right as it can be, and never worse than before.

import fc from "fast-check";
import { expect, test } from "vitest";
import { policyOutcome } from "../progressive/policy-outcome.ts";
import { createRng, normal } from "../random.ts";
import { recordOf } from "./calibrate.ts";
import type { ExitLogits } from "./collect-logits.ts";
import { fitFinalTemperature } from "./fit-final-temperature.ts";
import { fitTemperature } from "./fit-temperature.ts";

const CLASSES = 5;

/** Every exit sees the same image, some through more noise of their own than others. */
function exitsWithNoise(noises: readonly number[], images: number, seed: number): ExitLogits {
  const rng = createRng(seed);
  const labels = Uint16Array.from({ length: images }, () => Math.floor(rng() * CLASSES));
  const seen = Float32Array.from(
    { length: images * CLASSES },
    (_, i) => normal(rng) + (i % CLASSES === labels[Math.floor(i / CLASSES)] ? 3 : 0),
  );
  const exits = noises.map((noise) => seen.map((value) => value + noise * normal(rng)));
  return { images, classes: CLASSES, exits, labels };
}

/** Accuracy at a threshold that nobody reaches, with the final exit calibrated and fitted for the rule. */
function lastResort(noises: readonly number[], images: number, seed: number) {
  const logits = exitsWithNoise(noises, images, seed);
  const calibrated = logits.exits.map((exit) => fitTemperature(exit, logits.labels));
  const fitted = calibrated.slice();
  const record = recordOf(logits, calibrated);
  fitted[fitted.length - 1] = fitFinalTemperature(record, logits.exits.at(-1)!, calibrated.at(-1)!);
  const costs = noises.map((_, e) => (e + 1) / noises.length);
  const outcomes = [0.5, 0.8, 1].map((threshold) => ({
    before: policyOutcome(record, threshold, costs),
    after: policyOutcome(recordOf(logits, fitted), threshold, costs),
  }));
  return { calibrated: calibrated.at(-1)!, final: fitted.at(-1)!, outcomes };
}

test("many weak exits win too often when calibrated one by one; then they do no longer, at the same cost", () => {
  const { outcomes, final, calibrated } = lastResort([2, 2, 2, 2, 2, 0], 4000, 1);
  expect(final).toBeLessThan(0.9 * calibrated);
  expect(outcomes[2]!.after.top1).toBeGreaterThan(outcomes[2]!.before.top1 + 0.005);
  for (const { before, after } of outcomes) {
    expect(after.top1).toBeGreaterThanOrEqual(before.top1);
    expect(after.exitRates).toEqual(before.exitRates);
  }
});

test("an early exit that is right more often than the final one keeps its word", () => {
  const { outcomes, final, calibrated } = lastResort([0, 3], 2000, 2);
  expect(final).toBe(calibrated);
  expect(outcomes[2]!.after).toEqual(outcomes[2]!.before);
});

test("without early exits there is nothing to decide", () => {
  const { outcomes, final, calibrated } = lastResort([0], 100, 3);
  expect(final).toBe(calibrated);
  expect(outcomes[2]!.after).toEqual(outcomes[2]!.before);
});

test("property: at threshold 1 no temperature on the way down is right more often than by one image in a thousand", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 4, noNaN: true }), { minLength: 2, maxLength: 5 }),
      fc.nat(1000),
      fc.integer({ min: 0, max: 50 }),
      (noises, seed, k) => {
        const logits = exitsWithNoise(noises, 60, seed);
        const ones = noises.map(() => 1);
        const top1 = (final: number): number =>
          policyOutcome(recordOf(logits, [...ones.slice(1), final]), 1, ones).top1;
        const fitted = fitFinalTemperature(recordOf(logits, ones), logits.exits.at(-1)!, 1);
        expect(fitted).toBeLessThanOrEqual(1);
        expect(top1(fitted)).toBeGreaterThanOrEqual(top1(0.95 ** k) - 0.001 - 1e-9);
      },
    ),
    { numRuns: 50 },
  );
});
