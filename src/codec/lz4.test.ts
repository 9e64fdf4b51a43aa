import fc from "fast-check";
import Lz4 from "numcodecs/lz4";
import { expect, test } from "vitest";
import { isSpinnError } from "../errors.ts";
import { createRng } from "../random.ts";
import { lz4Bound, lz4Compress, lz4Decompress } from "./lz4.ts";

function compress(source: Uint8Array): Uint8Array {
  const out = new Uint8Array(lz4Bound(source.length));
  return out.subarray(0, lz4Compress(source, out));
}

function decompress(block: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  lz4Decompress(block, out);
  return out;
}

/** Bytes with the repetitions that a compressor looks for. */
const compressible: fc.Arbitrary<Uint8Array> = fc
  .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 80 })), { maxLength: 12 })
  .map((runs) =>
    Uint8Array.from(
      runs.flatMap(([bytes, times]) =>
        Array<number[]>(times)
          .fill([...bytes])
          .flat(),
      ),
    ),
  );

const source = fc.oneof(compressible, fc.uint8Array({ maxLength: 300 }));

test("lz4Decompress() undoes lz4Compress()", () => {
  fc.assert(
    fc.property(source, (bytes) => {
      expect(decompress(compress(bytes), bytes.length)).toEqual(bytes);
    }),
    { numRuns: 1000 },
  );
});

test("a match may lie 65 535 bytes back, and no further", () => {
  for (const gap of [65_535, 65_536, 70_000]) {
    const bytes = new Uint8Array(gap + 64);
    for (let i = 0; i < gap; i++) bytes[i] = Math.imul(i, 0x9e3779b1) >>> 24;
    bytes.copyWithin(gap, 0, 40);
    expect(decompress(compress(bytes), bytes.length)).toEqual(bytes);
  }
});

/** What a ReLU's bit planes look like: runs of zeros among noise, longer than a match may reach back. */
const planes: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.integer({ min: 1, max: 40_000 }), fc.integer({ min: 0, max: 100 }), fc.integer())
  .map(([length, percentNoise, seed]) => {
    const rng = createRng(seed);
    return Uint8Array.from({ length: 2 * length }, () => (100 * rng() < percentNoise ? Math.floor(256 * rng()) : 0));
  });

// The reference implementation, compiled to WebAssembly; its blocks follow their length in four bytes.
test("blocks are LZ4: the reference implementation reads ours, and we read its", async () => {
  const reference = new Lz4();
  const check = async (bytes: Uint8Array): Promise<void> => {
    if (bytes.length === 0) return;
    const ours = compress(bytes);
    const framed = new Uint8Array(4 + ours.length);
    new DataView(framed.buffer).setUint32(0, bytes.length, true);
    framed.set(ours, 4);
    expect(Buffer.from(await reference.decode(framed)).equals(bytes)).toBe(true);
    const theirs: Uint8Array = await reference.encode(bytes);
    expect(Buffer.from(decompress(theirs.subarray(4), bytes.length)).equals(bytes)).toBe(true);
  };
  await fc.assert(fc.asyncProperty(source, check), { numRuns: 2000 });
  await fc.assert(fc.asyncProperty(planes, check), { numRuns: 60 });
});

test.each([
  ["nothing", []],
  ["a literal that is not there", [0x10]],
  ["a length that goes on past the end", [0xf0, 255]],
  ["a match before the beginning", [0x10, 7, 2, 0, 0x00]],
  ["offset 0", [0x10, 7, 0, 0, 0x00]],
  ["a match longer than stated", [0x1f, 7, 1, 0, 250, 0x00]],
  ["an end in a match", [0x41, 1, 2, 3, 4]],
  ["half an offset", [0x10, 7, 1]],
  ["fewer bytes than stated", [0x10, 7]],
])("lz4Decompress() refuses %s", (_, block) => {
  expect(() => lz4Decompress(Uint8Array.from(block), new Uint8Array(8))).toThrow(/^Cannot decode LZ4 block: /);
});

test("lz4Decompress() takes any bytes without harm", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 0, max: 400 }), (bytes, length) => {
      try {
        decompress(bytes, length);
      } catch (error) {
        expect(isSpinnError(error, "InvalidFrame")).toBe(true);
      }
    }),
    { numRuns: 3000 },
  );
});
