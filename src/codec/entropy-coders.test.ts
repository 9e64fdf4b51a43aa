// One contract for all lossless back ends.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isSpinnError } from "../errors.ts";
import { createRng, normal } from "../random.ts";
import { entropyCoders } from "./entropy-coders.ts";

/** Like the output of a ReLU: zeros in runs, small values more often than large ones. */
function activations(length: number, bits: number, zeroPoint: number, seed: number, spread: number): Uint8Array {
  const rng = createRng(seed);
  const top = 2 ** bits - 1;
  let level = 0;
  return Uint8Array.from({ length }, () => {
    level = 0.8 * level + normal(rng);
    return Math.min(top, Math.max(0, zeroPoint + Math.round(Math.max(0, level - 0.5) * spread * top)));
  });
}

const cases = fc
  .record({
    bits: fc.integer({ min: 2, max: 8 }),
    length: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 9000 })),
    zero: fc.double({ min: 0, max: 0.999, noNaN: true }),
    seed: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    spread: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ bits, length, zero, seed, spread }) => {
    const zeroPoint = Math.floor(zero * zero * 2 ** bits);
    return { bits, zeroPoint, values: activations(length, bits, zeroPoint, seed, spread) };
  });

const anything = fc.record({ bits: fc.constant(8), zeroPoint: fc.nat(255), values: fc.uint8Array({ minLength: 1 }) });

describe.each(Object.entries(entropyCoders))("%s", (_, coder) => {
  test("decode() undoes encode()", () => {
    fc.assert(
      fc.property(fc.oneof(cases, anything), ({ values, ...symbols }) => {
        const out = new Uint8Array(values.length).fill(99);
        coder.decode(coder.encode(values, symbols), symbols, out);
        expect(out).toEqual(values);
      }),
      { numRuns: 400 },
    );
  });

  test.each([1, 3, 4, 5, 31, 32, 33, 4096, 100_001])("constant tensors of %i values", (length) => {
    for (const [value, zeroPoint] of [
      [0, 0],
      [255, 0],
      [0, 255],
      [7, 7],
    ] as const) {
      const values = new Uint8Array(length).fill(value);
      const out = new Uint8Array(length).fill(99);
      coder.decode(coder.encode(values, { bits: 8, zeroPoint }), { bits: 8, zeroPoint }, out);
      expect(out).toEqual(values);
    }
  });

  test("every byte as often as any other", () => {
    const values = Uint8Array.from({ length: 70_000 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24);
    const out = new Uint8Array(values.length);
    coder.decode(coder.encode(values, { bits: 8, zeroPoint: 0 }), { bits: 8, zeroPoint: 0 }, out);
    expect(out).toEqual(values);
  });

  test("a result is not touched by the next call", () => {
    const first = coder.encode(new Uint8Array(100).fill(3), { bits: 8, zeroPoint: 0 });
    const copy = first.slice();
    coder.encode(activations(100, 8, 0, 1, 0.3), { bits: 8, zeroPoint: 0 });
    expect(first).toEqual(copy);
  });

  test("decode() takes any bytes without harm", () => {
    const attempt = (packed: Uint8Array, bits: number, zeroPoint: number, length: number): void => {
      try {
        coder.decode(packed, { bits, zeroPoint }, new Uint8Array(length));
      } catch (error) {
        if (!isSpinnError(error, "InvalidFrame")) throw error;
      }
    };
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.integer({ min: 2, max: 8 }),
        fc.nat(5000),
        (bytes, bits, length) => attempt(bytes, bits, 0, length + 1),
      ),
      { numRuns: 2000 },
    );
    // Nearly right ones get further.
    fc.assert(
      fc.property(cases, fc.nat(), fc.nat(255), fc.boolean(), ({ values, bits, zeroPoint }, where, byte, cut) => {
        const packed = coder.encode(values, { bits, zeroPoint });
        const at = where % packed.length;
        const wrong = cut ? packed.slice(0, at) : packed.slice();
        if (!cut) wrong[at]! ^= byte;
        attempt(wrong, bits, zeroPoint, values.length);
      }),
      { numRuns: 1000 },
    );
  });

  test("decode() refuses to make far more or fewer values than were encoded", () => {
    const values = activations(1000, 8, 0, 5, 0.2);
    const packed = coder.encode(values, { bits: 8, zeroPoint: 0 });
    for (const length of [900, 992, 2000]) {
      expect(() => coder.decode(packed, { bits: 8, zeroPoint: 0 }, new Uint8Array(length))).toThrow(/^Cannot decode /);
    }
  });
});

test("rans beats lz4, and lz4 beats packed, on what a ReLU leaves", () => {
  const values = activations(65_536, 8, 0, 9, 0.15);
  const size = (name: keyof typeof entropyCoders): number =>
    entropyCoders[name].encode(values, { bits: 8, zeroPoint: 0 }).length;
  expect(size("lz4")).toBeLessThan(0.9 * size("packed"));
  expect(size("rans")).toBeLessThan(0.8 * size("lz4"));
});
