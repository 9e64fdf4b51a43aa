// What a design does to every profiled image (the exit rule, as `decide`), summed up; and the same for many thresholds of one
// exit at once, which is what a search for the best of them asks.

import { isConfident } from "../progressive/exit-policy.ts";
import type { Space } from "./space.ts";
import type { Tape } from "./tape.ts";

/** Fills in design `d` of a space, so far all zeros. */
export function replay(space: Space, d: number, thresholds: readonly number[], tape: Tape): void {
  for (let i = 0; i < tape.images; i++) {
    add(space, d, tape, i, firstConfident(tape.confidences, i * space.exits, thresholds, 0, space.exits), 1);
  }
  average(space, d, tape);
}

/**
 * Fills in designs 0, 1, … of a space: `thresholds` with each of `levels` for one exit. Takes little longer than one replay.
 *
 * @param levels rising, at most 1
 */
export function sweep(
  space: Space,
  thresholds: readonly number[],
  exit: number,
  levels: readonly number[],
  tape: Tape,
): void {
  const { exits } = space;
  const { images, confidences } = tape;
  // Each design gets what it has more than the one before it, then all are added up.
  for (let i = 0; i < images; i++) {
    const at = i * exits;
    const earlier = firstConfident(confidences, at, thresholds, 0, exit);
    if (earlier < exit) {
      add(space, 0, tape, i, earlier, 1);
      continue;
    }
    let met = 0;
    while (met < levels.length && isConfident(confidences[at + exit]!, levels[met]!)) met++;
    if (met > 0) add(space, 0, tape, i, exit, 1);
    if (met === levels.length) continue;
    if (met > 0) add(space, met, tape, i, exit, -1);
    add(space, met, tape, i, firstConfident(confidences, at, thresholds, exit + 1, exits), 1);
  }
  const { share, sentMean, sentVariance, accuracy, deviceAccuracy } = space;
  for (const sums of [share, sentMean, sentVariance])
    for (let j = exits; j < levels.length * exits; j++) sums[j]! += sums[j - exits]!;
  for (const sums of [accuracy, deviceAccuracy]) for (let d = 1; d < levels.length; d++) sums[d]! += sums[d - 1]!;
  for (let d = 0; d < levels.length; d++) average(space, d, tape);
}

/** From exit `from` on; `to` when there is none before it. */
function firstConfident(
  confidences: Float32Array,
  at: number,
  thresholds: readonly number[],
  from: number,
  to: number,
): number {
  let exit = from;
  while (exit < to && !isConfident(confidences[at + exit]!, thresholds[exit]!)) exit++;
  return exit;
}

/** Counts an image that `exit` answers; when that is none of them, the most confident does, and all have been computed. */
function add(space: Space, d: number, tape: Tape, image: number, exit: number, count: 1 | -1): void {
  const { exits, share, sentMean, sentVariance, accuracy, deviceAccuracy } = space;
  const right = count * (exit < exits ? tape.correct[image * exits + exit]! : tape.bestRight[image]!);
  const reached = Math.min(exit, exits - 1);
  const at = d * exits + reached;
  share[at]! += count;
  accuracy[d]! += right;
  if (reached < tape.before) {
    deviceAccuracy[d]! += right;
    return;
  }
  const bytes = tape.bytes[image]!;
  deviceAccuracy[d]! += count * tape.deviceRight[image]!;
  sentMean[at]! += count * bytes;
  sentVariance[at]! += count * bytes * bytes;
}

/** From sums over images to means. */
function average({ exits, ...space }: Space, d: number, { images, before }: Tape): void {
  const { share, sentMean, sentVariance } = space;
  for (let exit = 0; exit < exits; exit++) {
    const at = d * exits + exit;
    const count = share[at]!;
    if (exit >= before) {
      space.offloaded[d]! += count / images;
      space.bytes[d]! += sentMean[at]! / images;
    }
    const mean = count === 0 ? 0 : sentMean[at]! / count;
    sentVariance[at] = count === 0 ? 0 : Math.max(0, sentVariance[at]! / count - mean * mean);
    sentMean[at] = mean;
    share[at] = count / images;
  }
  space.accuracy[d]! /= images;
  space.deviceAccuracy[d]! /= images;
}
