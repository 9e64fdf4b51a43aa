import { createHash } from "node:crypto";
import { expect, onTestFinished, test, vi } from "vitest";
import { isAsDigested, reprDigest } from "./repr-digest.ts";

const bytes = Uint8Array.of(1, 2, 3);
const right = `sha-256=:${createHash("sha256").update(bytes).digest("base64")}:`;

test("reprDigest() is what other implementations compute", async () => {
  expect(await reprDigest(bytes)).toBe(right);
});

test("isAsDigested() believes the SHA-256 alone, among others, too", async () => {
  expect(await isAsDigested(bytes, right)).toBe(true);
  expect(await isAsDigested(bytes, `sha-512=:AAAA:, ${right}`)).toBe(true);
  expect(await isAsDigested(Uint8Array.of(1, 2, 4), right)).toBe(false);
  expect(await isAsDigested(bytes.slice(1), right)).toBe(false);
  expect(await isAsDigested(bytes, "sha-256=:damaged:")).toBe(false);
  expect(await isAsDigested(bytes, "md5=:AAAA:")).toBe(true);
  expect(await isAsDigested(bytes, null)).toBe(true);
});

test("where there is no SHA-256 nobody can tell", async () => {
  vi.stubGlobal("crypto", {});
  onTestFinished(() => void vi.unstubAllGlobals());
  expect(await reprDigest(bytes)).toBeUndefined();
  expect(await isAsDigested(bytes, "sha-256=:damaged:")).toBe(true);
});
