// Exit records as text in a JSON document: 16 bits for a confidence, one for right or wrong, in base64. Strict on reading.

import type { ExitRecord } from "./policy-outcome.ts";

/** What JSON holds of a record of so many images. */
export interface StoredExitRecord {
  /** Base64 of little-endian 16-bit codes ({@link confidenceCode}), [images, exits]. */
  readonly confidences: string;
  /** Base64 of bits from the lowest on, [images, exits]. */
  readonly correct: string;
}

/** Confidences are counted in steps of 1 / 65 000 … */
const steps = 65_000;
/** … but for the last step, which holds so many float32 values below 1, at this distance of each other. */
const tail = 258;
const tailStep = 2 ** -24;
const certain = 65_535;

/**
 * A float32 confidence in 16 bits: the step at or below it, and every value of the last step by itself. So comparing
 * with a threshold of up to three decimals gives what the full float32 gives, and the order of near-certain answers
 * survives.
 */
export function confidenceCode(confidence: number): number {
  const fromOne = (1 - confidence) / tailStep;
  if (fromOne <= tail) return certain - fromOne;
  let code = Math.floor(confidence * steps) + 1;
  while (confidenceOfCode(code) > confidence) code--;
  return code;
}

export function confidenceOfCode(code: number): number {
  return Math.fround(code < certain - tail ? code / steps : 1 - (certain - code) * tailStep);
}

export function storeExitRecord({ confidences, correct }: ExitRecord): StoredExitRecord {
  const codes = Uint16Array.from(confidences, confidenceCode);
  const bits = new Uint8Array(Math.ceil(correct.length / 8));
  for (const [i, bit] of correct.entries()) bits[i >> 3]! |= bit << (i & 7);
  return { confidences: storeCodes(codes), correct: toBase64(bits) };
}

/** @throws whatever `invalid` makes of one line about what is wrong */
export function parseExitRecord(
  { confidences, correct }: { readonly confidences?: unknown; readonly correct?: unknown },
  images: number,
  exits: number,
  invalid: (why: string) => Error,
): ExitRecord {
  const size = images * exits;
  const decoded = Float32Array.from(parseCodes(confidences, size, "confidences", invalid), confidenceOfCode);
  const bits = fromBase64(correct, Math.ceil(size / 8), "correct", invalid);
  if (decoded.some((confidence) => confidence > 1)) throw invalid("a confidence is above 1");
  return { images, confidences: decoded, correct: Uint8Array.from(decoded, (_, i) => (bits[i >> 3]! >> (i & 7)) & 1) };
}

/** Base64 of little-endian 16-bit numbers. */
export function storeCodes(codes: Uint16Array): string {
  const bytes = new Uint8Array(2 * codes.length);
  codes.forEach((code, i) => {
    bytes[2 * i] = code & 255;
    bytes[2 * i + 1] = code >> 8;
  });
  return toBase64(bytes);
}

/** @throws whatever `invalid` makes of one line when it is not base64 of so many numbers */
export function parseCodes(text: unknown, count: number, field: string, invalid: (why: string) => Error): Uint16Array {
  const bytes = fromBase64(text, 2 * count, field, invalid);
  return Uint16Array.from({ length: count }, (_, i) => bytes[2 * i]! | (bytes[2 * i + 1]! << 8));
}

function toBase64(bytes: Uint8Array): string {
  let binary = "";
  // in parts, since a call takes only so many arguments
  for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(binary);
}

function fromBase64(text: unknown, size: number, field: string, invalid: (why: string) => Error): Uint8Array {
  let binary: string | undefined;
  try {
    if (typeof text === "string") binary = atob(text);
  } catch {
    // told below
  }
  if (binary?.length !== size) throw invalid(`${field} must be base64 of ${size} bytes`);
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}
