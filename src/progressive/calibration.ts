// The calibration record: how confident and how right every exit was on images that training has not seen. Whatever the
// scheduler asks about a threshold follows from it (SPINN's profiler). This file: the record, and how a model file
// keeps it.

import { SpinnError } from "../errors.ts";
import { parseExitRecord, type StoredExitRecord, storeExitRecord } from "./exit-record-text.ts";

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
export interface StoredCalibration extends StoredExitRecord {
  readonly dataset: string;
  readonly images: number;
  readonly temperatures: readonly number[];
}

/** The JSON form, about 20 bytes for an image with seven exits. */
export function storeCalibration(calibration: Calibration): StoredCalibration {
  const { dataset, images, temperatures } = calibration;
  return { dataset, images, temperatures, ...storeExitRecord(calibration) };
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
  const record = parseExitRecord({ confidences, correct }, images as number, exits, invalid);
  return { dataset, temperatures, ...record };
}

function invalid(why: string): SpinnError {
  return new SpinnError("InvalidModel", `The model's calibration record is damaged: ${why}`);
}
