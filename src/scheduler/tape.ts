// What the exits of one cut and codec say of every profiled image when certain of them are asked: all that a replay needs.

import { mostConfident } from "../progressive/exit-policy.ts";
import type { CodecProfile, Profile } from "./profile.ts";

/** One cut with one codec. */
export interface Pair {
  /** Its number in the profile. */
  readonly cut: number;
  /** Its number at the cut; -1 at `none`. */
  readonly codec: number;
}

export interface Tape {
  readonly images: number;
  /** Exits on the device. */
  readonly before: number;
  /** NaN where an exit is not asked; [images, exits]. */
  readonly confidences: Float32Array;
  readonly correct: Uint8Array;
  /** Was the most confident of all right? [images] */
  readonly bestRight: Uint8Array;
  /** Was the most confident on the device right? Without any there is no answer, and it is 0. */
  readonly deviceRight: Uint8Array;
  readonly bytes: Float64Array;
}

/** @param asked one flag for each exit */
export function recordTape({ model }: Profile, { cut, codec }: Pair, asked: readonly boolean[]): Tape {
  const { images } = model.record;
  const exits = asked.length;
  const { exitsBefore: before, codecs } = model.cuts[cut]!;
  const sent: CodecProfile | undefined = codecs[codec];
  const confidences = new Float32Array(images * exits);
  const correct = new Uint8Array(images * exits);
  const bestRight = new Uint8Array(images);
  const deviceRight = new Uint8Array(images);
  const anyOnDevice = asked.slice(0, before).includes(true);
  for (let i = 0; i < images; i++) {
    for (let exit = 0; exit < exits; exit++) {
      const behind = sent !== undefined && exit >= before;
      const from = behind ? sent.record : model.record;
      const at = behind ? i * (exits - before) + exit - before : i * exits + exit;
      confidences[i * exits + exit] = asked[exit] ? from.confidences[at]! : Number.NaN;
      correct[i * exits + exit] = from.correct[at]!;
    }
    const own = confidences.subarray(i * exits, (i + 1) * exits);
    bestRight[i] = correct[i * exits + mostConfident(own)]!;
    if (anyOnDevice) deviceRight[i] = correct[i * exits + mostConfident(own.subarray(0, before))]!;
  }
  return { images, before, confidences, correct, bestRight, deviceRight, bytes: Float64Array.from(sent?.bytes ?? []) };
}
