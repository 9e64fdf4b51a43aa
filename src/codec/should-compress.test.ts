import fc from "fast-check";
import { expect, test } from "vitest";
import { type CodecCost, chooseCodec, shouldCompress } from "./should-compress.ts";

const plain: CodecCost = { codec: "packed", bits: 8, bytes: 16_000, encodeMs: 0.1, decodeMs: 0.1 };
const lz4: CodecCost = { codec: "lz4", bits: 8, bytes: 11_000, encodeMs: 0.3, decodeMs: 0.2 };
const rans: CodecCost = { codec: "rans", bits: 8, bytes: 6_000, encodeMs: 1, decodeMs: 0.6 };

test("a slow link wants the smallest packet, a fast one the cheapest, one between the middle", () => {
  expect(chooseCodec([plain, lz4, rans], { bitsPerSecond: 24e6 })).toEqual({
    codec: "rans",
    bits: 8,
    expectedMs: expect.closeTo(3.6, 9),
    savedMs: expect.closeTo((16_000 * 8e-3) / 24 + 0.2 - 3.6, 9),
  });
  expect(chooseCodec([plain, lz4, rans], { bitsPerSecond: 60e6 }).codec).toBe("lz4");
  expect(chooseCodec([plain, lz4, rans], { bitsPerSecond: 1e9 })).toEqual({
    codec: "packed",
    bits: 8,
    expectedMs: expect.closeTo(0.328, 9),
    savedMs: 0,
  });
});

test("a busy device or server changes what pays", () => {
  expect(shouldCompress(plain, rans, { bitsPerSecond: 24e6 })).toBe(true);
  expect(shouldCompress(plain, rans, { bitsPerSecond: 24e6, deviceFactor: 5 })).toBe(false);
  expect(shouldCompress(plain, rans, { bitsPerSecond: 24e6, serverFactor: 8 })).toBe(false);
});

test("the choice is never slower than any candidate, and faster links never make it compress more", () => {
  const ms = fc.double({ min: 0, max: 50, noNaN: true });
  const cost = fc.record({
    codec: fc.constantFrom("packed", "lz4", "rans" as const),
    bits: fc.constant(8),
    bytes: fc.integer({ min: 1, max: 1e6 }),
    encodeMs: ms,
    decodeMs: ms,
  });
  fc.assert(
    fc.property(fc.array(cost, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1e4, max: 1e9 }), (list, rate) => {
      const choice = chooseCodec(list as CodecCost[], { bitsPerSecond: rate });
      const all = list.map((c) => c.encodeMs + c.decodeMs + (c.bytes * 8000) / rate);
      expect(choice.expectedMs).toBeCloseTo(Math.min(...all), 6);
      expect(choice.savedMs).toBeGreaterThanOrEqual(0);
    }),
  );
});

test("no candidates, no bandwidth", () => {
  expect(() => chooseCodec([], { bitsPerSecond: 1 })).toThrow(RangeError);
  for (const bitsPerSecond of [0, -1, Number.NaN])
    expect(() => chooseCodec([plain], { bitsPerSecond })).toThrow(RangeError);
});
