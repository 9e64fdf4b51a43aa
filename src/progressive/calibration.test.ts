// The calibration record and its 16-bit form.

import fc from "fast-check";
import { expect, test } from "vitest";
import { createRng } from "../random.ts";
import { type Calibration, parseCalibration, storeCalibration } from "./calibration.ts";
import { confidenceCode, confidenceOfCode } from "./exit-record-text.ts";

const confidence = fc.float({ min: 0, max: 1, noNaN: true }).map(Math.fround);
const nearOne = fc.integer({ min: 0, max: 2000 }).map((k) => 1 - k * 2 ** -24);

function randomRecord(images: number, exits: number): Calibration {
  const rng = createRng(images + exits);
  return {
    dataset: "made up",
    images,
    temperatures: Array.from({ length: exits }, () => 0.5 + rng()),
    confidences: Float32Array.from({ length: images * exits }, () => 1 - rng() ** 4),
    correct: Uint8Array.from({ length: images * exits }, () => (rng() < 0.8 ? 1 : 0)),
  };
}

test("property: a code loses less than a step, keeps the order, and is stable", () => {
  const any = fc.oneof(confidence, nearOne);
  fc.assert(
    fc.property(any, any, (a, b) => {
      const [x, y] = [confidenceOfCode(confidenceCode(a)), confidenceOfCode(confidenceCode(b))];
      expect(x).toBeLessThanOrEqual(a);
      expect(a - x).toBeLessThan(1 / 64_990);
      if (a <= b) expect(x).toBeLessThanOrEqual(y);
      expect(confidenceCode(x)).toBe(confidenceCode(a));
    }),
  );
});

test("property: thresholds of three decimals decide as on the full float32", () => {
  const thousandth = fc.integer({ min: 1, max: 1000 });
  fc.assert(
    fc.property(thousandth, fc.integer({ min: -3, max: 3 }), (k, ulps) => {
      const threshold = Math.fround(k / 1000);
      const near = Math.min(1, Math.fround(threshold * (1 + ulps * 2 ** -23)));
      expect(confidenceOfCode(confidenceCode(near)) >= threshold).toBe(near >= threshold);
    }),
  );
});

test("the last step keeps every float32 apart, and only 1 is 1", () => {
  for (let k = 0; k <= 258; k++) {
    const value = 1 - k * 2 ** -24;
    expect(confidenceOfCode(confidenceCode(value))).toBe(value);
  }
  expect(confidenceCode(1)).toBe(65_535);
  expect(confidenceCode(0)).toBe(0);
  expect(confidenceOfCode(65_534)).toBeLessThan(1);
});

test("property: a record survives its JSON form, to the code", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 9 }), (images, exits) => {
      const record = randomRecord(images, exits);
      const read = parseCalibration(JSON.parse(JSON.stringify(storeCalibration(record))), exits);
      expect(read).toEqual({
        ...record,
        confidences: record.confidences.map((c) => confidenceOfCode(confidenceCode(c))),
      });
      expect(storeCalibration(read)).toEqual(storeCalibration(record));
    }),
  );
});

test("5 000 images with seven exits stay below 100 kB", () => {
  expect(JSON.stringify(storeCalibration(randomRecord(5000, 7))).length).toBeLessThan(100_000);
});

test("a damaged record is refused, saying where", () => {
  const good = storeCalibration(randomRecord(10, 3));
  const refused = (patch: object, why: RegExp): void =>
    expect(() => parseCalibration({ ...good, ...patch }, 3)).toThrow(why);
  expect(() => parseCalibration(null, 3)).toThrow(/must be an object/);
  expect(() => parseCalibration(good, 4)).toThrow(/temperatures must be 4 numbers/);
  refused({ dataset: 1 }, /dataset/);
  refused({ images: 11 }, /confidences must be base64 of 66 bytes/);
  refused({ images: 0 }, /images/);
  refused({ temperatures: [1, 0, 1] }, /positive/);
  refused({ temperatures: [1, null, 1] }, /positive/);
  refused({ confidences: "%%%" }, /confidences/);
  refused({ correct: undefined }, /correct/);
  refused({ confidences: btoa(String.fromCharCode(...new Uint8Array(60).fill(0xfd))) }, /above 1/);
});
