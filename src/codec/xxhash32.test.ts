import { expect, test } from "vitest";
import { xxhash32 } from "./xxhash32.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

// Published values of the reference implementation, seed 0.
test.each([
  ["", 0x02cc5d05],
  ["a", 0x550d7456],
  ["abc", 0x32d153ff],
  ["Nobody inspects the spammish repetition", 0xe2293b2f],
])("xxhash32(%o)", (text, hash) => {
  expect(xxhash32(bytes(text))).toBe(hash);
});

test("xxhash32() of a view reads the view alone", () => {
  const text = bytes("..Nobody inspects the spammish repetition..");
  expect(xxhash32(text.subarray(2, -2))).toBe(0xe2293b2f);
});
