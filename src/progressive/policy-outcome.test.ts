// policyOutcome() against counting image by image.

import fc from "fast-check";
import { expect, test } from "vitest";
import { accuracies, type ExitRecord, policyOutcome } from "./policy-outcome.ts";

const exits = 3;
const fractions = [0.2, 0.5, 1];
const records = fc
  .array(
    fc.array(fc.tuple(fc.float({ min: 0, max: 1, noNaN: true }), fc.boolean()), { minLength: exits, maxLength: exits }),
    { minLength: 1, maxLength: 30 },
  )
  .map(
    (rows): ExitRecord => ({
      images: rows.length,
      confidences: Float32Array.from(rows.flat(), ([c]) => c),
      correct: Uint8Array.from(rows.flat(), ([, right]) => (right ? 1 : 0)),
    }),
  );

test("property: rates, accuracy and cost are those of the images one by one", () => {
  const threshold = fc.integer({ min: 0, max: 100 }).map((k) => k / 100);
  fc.assert(
    fc.property(records, threshold, (record, t) => {
      let right = 0;
      let cost = 0;
      const stopped = [0, 0, 0];
      for (let i = 0; i < record.images; i++) {
        const row = [...record.confidences.subarray(i * exits, (i + 1) * exits)];
        const first = row.findIndex((c) => c >= Math.fround(t));
        const answering = first >= 0 ? first : row.lastIndexOf(Math.max(...row));
        const stop = first >= 0 ? first : exits - 1;
        right += record.correct[i * exits + answering]!;
        cost += fractions[stop]!;
        stopped[stop]!++;
      }
      const outcome = policyOutcome(record, t, fractions);
      expect(outcome.top1).toBeCloseTo(right / record.images, 12);
      expect(outcome.meanFlopsFraction).toBeCloseTo(cost / record.images, 12);
      outcome.exitRates.forEach((rate, e) => {
        expect(rate).toBeCloseTo(stopped[e]! / record.images, 12);
      });
      expect(policyOutcome(record, [t, t, t], fractions)).toEqual(outcome);
    }),
  );
});

test("thresholds can differ from exit to exit", () => {
  const record = { images: 1, confidences: Float32Array.of(0.8, 0.7, 0.9), correct: Uint8Array.of(0, 1, 0) };
  expect(policyOutcome(record, [0.9, 0.6, 0.5], fractions)).toEqual({
    top1: 1,
    exitRates: [0, 1, 0],
    meanFlopsFraction: 0.5,
  });
  expect(accuracies(record)).toEqual([0, 1, 0]);
});

test("a record that does not fit is refused", () => {
  const record = { images: 2, confidences: new Float32Array(6), correct: new Uint8Array(6) };
  expect(() => policyOutcome(record, 0.5, [0.5, 1])).toThrow(RangeError);
  expect(() => policyOutcome(record, 2, fractions)).toThrow(RangeError);
  expect(() => policyOutcome({ ...record, images: 0 }, 0.5, fractions)).toThrow(RangeError);
});
