import fc from "fast-check";
import { expect, test } from "vitest";
import { BitReader, BitWriter } from "./bit-stream.ts";
import { readWeights, roundWeight, TOTAL, toFrequencies, writeWeights } from "./frequency-table.ts";

const counts = fc
  .array(fc.oneof(fc.constant(0), fc.nat(10), fc.nat(2 ** 26)), { minLength: 2, maxLength: 256 })
  .map((list) => Int32Array.from(list));

test("roundWeight() keeps three leading bits", () => {
  expect([0, 1, 2, 3, 7, 8, 9, 1000].map(roundWeight)).toEqual([0, 1, 2, 3, 7, 8, 8, 896]);
});

test("readWeights() undoes writeWeights()", () => {
  fc.assert(
    fc.property(counts, (list) => {
      const weights = list.map(roundWeight);
      const bytes = new Uint8Array(8 * weights.length + 8);
      const writer = new BitWriter(bytes, 3);
      writeWeights(writer, weights);
      const end = writer.finish();
      const reader = new BitReader(bytes.subarray(0, end), 3);
      const back = new Int32Array(weights.length);
      readWeights(reader, back);
      expect(back).toEqual(weights);
      expect(reader.finish()).toBe(end);
    }),
  );
});

test("toFrequencies() sums to 4096, keeps every symbol that occurs, and never gives one everything", () => {
  fc.assert(
    fc.property(counts, (weights) => {
      const frequencies = new Int32Array(weights.length);
      toFrequencies(weights, frequencies);
      const occurring = weights.some((weight) => weight > 0);
      expect(frequencies.reduce((sum, f) => sum + f, 0)).toBe(occurring ? TOTAL : 0);
      weights.forEach((weight, i) => {
        if (weight > 0) expect(frequencies[i]).toBeGreaterThan(0);
        expect(frequencies[i]).toBeLessThan(TOTAL);
      });
    }),
    { numRuns: 1000 },
  );
  const many = new Int32Array(256).fill(1);
  many.fill(2 ** 20, 0, 50);
  const frequencies = new Int32Array(256);
  toFrequencies(many, frequencies);
  expect(Math.min(...frequencies)).toBe(1);
});
