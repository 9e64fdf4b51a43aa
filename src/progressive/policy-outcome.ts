// What an exit policy would have done on recorded images: accuracy, exit rates and cost for any thresholds, without
// running the network again (SPINN's profiler: accuracy and exit rate for each threshold).

import { checkThresholds, decide, type Thresholds } from "./exit-policy.ts";

/** How sure and how right each exit was on each image. A `Calibration` is one. */
export interface ExitRecord {
  readonly images: number;
  /** Float32, [images, exits]. */
  readonly confidences: Float32Array;
  /** 1 where the exit was right, [images, exits]. */
  readonly correct: Uint8Array;
}

export interface PolicyOutcome {
  /** Of all images, how many got the right answer. */
  readonly top1: number;
  /**
   * Of all images, how many stopped at each exit. Whoever nobody was confident about has reached the final one and
   * counts there, whichever exit then answers.
   */
  readonly exitRates: readonly number[];
  /** Mean cost of an image, over the cost of the whole network. */
  readonly meanFlopsFraction: number;
}

/**
 * @param flopsFractions cost up to each exit, the final one (1) included
 * @throws {RangeError} for thresholds outside [0, 1], and when their number or the record's size does not fit the exits
 */
export function policyOutcome(
  record: ExitRecord,
  thresholds: Thresholds,
  flopsFractions: readonly number[],
): PolicyOutcome {
  const { images, confidences, correct } = record;
  const exits = flopsFractions.length;
  checkThresholds(thresholds, exits);
  if (images < 1 || confidences.length !== images * exits)
    throw new RangeError(
      `A record of ${confidences.length} confidences does not fit ${images} images at ${exits} exits`,
    );
  const stopped = new Array<number>(exits).fill(0);
  let right = 0;
  for (let i = 0; i < confidences.length; i += exits) {
    const { exit, reached } = decide(confidences.subarray(i, i + exits), thresholds);
    stopped[reached]! += 1;
    right += correct[i + exit]!;
  }
  const exitRates = stopped.map((count) => count / images);
  const meanFlopsFraction = exitRates.reduce((sum, rate, exit) => sum + rate * flopsFractions[exit]!, 0);
  return { top1: right / images, exitRates, meanFlopsFraction };
}

/** The share of images that each exit alone gets right. */
export function accuracies({ images, correct }: ExitRecord): number[] {
  const exits = correct.length / images;
  const right = new Array<number>(exits).fill(0);
  for (const [i, bit] of correct.entries()) right[i % exits]! += bit;
  return right.map((count) => count / images);
}
