// Parts of a profile: some of its images, and a side of another speed.

import type { ExitRecord } from "../../progressive/policy-outcome.ts";
import type { ModelProfile, SideProfile, Timing } from "../../scheduler/index.ts";

/** The profile of these images alone, in this order. */
export function profileOfImages({ record, cuts, ...rest }: ModelProfile, images: readonly number[]): ModelProfile {
  return {
    ...rest,
    record: recordOfImages(record, images),
    cuts: cuts.map((cut) => ({
      ...cut,
      codecs: cut.codecs.map(({ codec, bytes, record: behind }) => ({
        codec,
        bytes: Float64Array.from(images, (image) => bytes[image]!),
        record: recordOfImages(behind, images),
      })),
    })),
  };
}

function recordOfImages({ images: all, confidences, correct }: ExitRecord, images: readonly number[]): ExitRecord {
  const exits = correct.length / all;
  const from = (at: number): number => images[Math.floor(at / exits)]! * exits + (at % exits);
  const length = images.length * exits;
  return {
    images: images.length,
    confidences: Float32Array.from({ length }, (_, at) => confidences[from(at)]!),
    correct: Uint8Array.from({ length }, (_, at) => correct[from(at)]!),
  };
}

/** Everything takes so many times as long. */
export function slowed({ steps, heads, coding }: SideProfile, factor: number): SideProfile {
  const slow = ({ meanMs, spreadMs }: Timing): Timing => ({ meanMs: factor * meanMs, spreadMs: factor * spreadMs });
  return { steps: steps.map(slow), heads: heads.map(slow), coding: coding.map((codecs) => codecs.map(slow)) };
}

/** The whole network without early exits. */
export function wholeMs({ steps, heads }: SideProfile): number {
  return steps.reduce((sum, { meanMs }) => sum + meanMs, 0) + (heads.at(-1)?.meanMs ?? 0);
}
