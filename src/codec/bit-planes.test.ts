import fc from "fast-check";
import { expect, test } from "vitest";
import { fromBitPlanes, planesSize, toBitPlanes } from "./bit-planes.ts";

test("bit p of value i is bit i % 8 of byte i >> 3 of plane p, in any width, at any address", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 70 }),
      fc.integer({ min: 2, max: 8 }),
      fc.integer({ min: 0, max: 7 }),
      (bytes, bits, offset) => {
        const values = new Uint8Array(bytes.length + offset).subarray(offset);
        values.set(bytes.map((byte) => byte & (2 ** bits - 1)));
        const plane = Math.ceil(values.length / 8);
        const planes = new Uint8Array(planesSize(values.length, bits));
        expect(planes.length).toBe(bits * plane);
        toBitPlanes(values, bits, planes);
        const expected = new Uint8Array(planes.length);
        values.forEach((value, i) => {
          for (let p = 0; p < bits; p++) expected[p * plane + (i >> 3)]! |= ((value >> p) & 1) << (i & 7);
        });
        expect(planes).toEqual(expected);
        const back = new Uint8Array(bytes.length + offset).subarray(offset);
        fromBitPlanes(planes, bits, back);
        expect(back).toEqual(values);
      },
    ),
    { numRuns: 500 },
  );
});
