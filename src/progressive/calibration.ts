// The calibration record: how confident and how right every exit was on images that training has not seen. Whatever the
// scheduler asks about a threshold follows from it (SPINN's profiler). This file: the record, and how a model file
// keeps it.

import { SpinnError } from "../errors.ts";

export interface Calibration {
  /** The held-out images, for people. */
  readonly dataset: string;
  readonly images: number;
  /** One for each exit, the final one last: its logits are divided by it before the softmax. */
  readonly temperatures: readonly number[];
  /** Confidence of each image at each exit, [images, exits]. */
  readonly confidences: Float32Array;
  /** 1 where the exit was right, [images, exits]. */
  readonly correct: Uint8Array;
}

/** The record as JSON. */
export interface StoredCalibration {
  dataset: string;
  images: number;
  temperatures: readonly number[];
  /** Base64 of little-endian 16-bit codes ({@link confidenceCode}), [images, exits]. */
  confidences: string;
  /** Base64 of bits from the lowest on, [images, exits]. */
  correct: string;
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

/** The JSON form, about 20 bytes for an image with seven exits. */
export function storeCalibration(calibration: Calibration): StoredCalibration {
  const { dataset, images, temperatures, confidences, correct } = calibration;
  const codes = new Uint8Array(2 * confidences.length);
  confidences.forEach((confidence, i) => {
    const code = confidenceCode(confidence);
    codes[2 * i] = code & 255;
    codes[2 * i + 1] = code >> 8;
  });
  const bits = new Uint8Array(Math.ceil(correct.length / 8));
  for (const [i, bit] of correct.entries()) bits[i >> 3]! |= bit << (i & 7);
  return { dataset, images, temperatures, confidences: toBase64(codes), correct: toBase64(bits) };
}

/**
 * Reads the JSON form.
 *
 * @param exits how many the model has, the final one included
 * @throws {SpinnError} InvalidModel when it is not a record of so many exits
 */
export function parseCalibration(json: unknown, exits: number): Calibration {
  if (typeof json !== "object" || json === null) throw invalid("it must be an object");
  const { dataset, images, temperatures, confidences, correct } = json as Partial<
    Record<keyof StoredCalibration, unknown>
  >;
  if (typeof dataset !== "string") throw invalid("dataset must be a string");
  if (!Number.isSafeInteger(images) || (images as number) < 1) throw invalid("images must be a positive integer");
  if (!Array.isArray(temperatures) || temperatures.length !== exits)
    throw invalid(`temperatures must be ${exits} numbers, one for each exit`);
  if (!temperatures.every((t) => Number.isFinite(t) && t > 0)) throw invalid("temperatures must be positive");
  const size = (images as number) * exits;
  const codes = fromBase64(confidences, "confidences", 2 * size);
  const bits = fromBase64(correct, "correct", Math.ceil(size / 8));
  const decoded = Float32Array.from({ length: size }, (_, i) =>
    confidenceOfCode(codes[2 * i]! | (codes[2 * i + 1]! << 8)),
  );
  if (decoded.some((confidence) => confidence > 1)) throw invalid("a confidence is above 1");
  return {
    dataset,
    images: images as number,
    temperatures,
    confidences: decoded,
    correct: Uint8Array.from({ length: size }, (_, i) => (bits[i >> 3]! >> (i & 7)) & 1),
  };
}

function toBase64(bytes: Uint8Array): string {
  let binary = "";
  // in parts, since a call takes only so many arguments
  for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(binary);
}

function fromBase64(text: unknown, field: string, size: number): Uint8Array {
  let binary: string | undefined;
  try {
    if (typeof text === "string") binary = atob(text);
  } catch {
    // told below
  }
  if (binary?.length !== size) throw invalid(`${field} must be base64 of ${size} bytes`);
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

function invalid(why: string): SpinnError {
  return new SpinnError("InvalidModel", `The model's calibration record is damaged: ${why}`);
}
