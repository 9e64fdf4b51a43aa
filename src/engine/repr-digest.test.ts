import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { isAsDigested, reprDigest } from "./repr-digest.ts";

const bytes = Uint8Array.of(1, 2, 3);
const right = `sha-256=:${createHash("sha256").update(bytes).digest("base64")}:`;

test("reprDigest() is what other implementations compute", () => {
  expect(reprDigest(bytes)).toBe(right);
});

test("isAsDigested() believes the SHA-256 alone, among others, too", () => {
  expect(isAsDigested(bytes, right)).toBe(true);
  expect(isAsDigested(bytes, `sha-512=:AAAA:, ${right}`)).toBe(true);
  expect(isAsDigested(Uint8Array.of(1, 2, 4), right)).toBe(false);
  expect(isAsDigested(bytes.subarray(1), right)).toBe(false);
  expect(isAsDigested(bytes, "sha-256=:damaged:")).toBe(false);
  expect(isAsDigested(bytes, "md5=:AAAA:")).toBe(true);
  expect(isAsDigested(bytes, null)).toBe(true);
});
