// The exit rule, in one place for calibration, evaluation and the engines (SPINN; what happens when nobody is
// confident follows from the paper's Fig. 3 and from the code of SDN).

/** One confidence for all exits, as in the paper, or one for each exit, the final one included. */
export type Thresholds = number | readonly number[];

export interface Decision {
  /** Index of the exit whose answer counts. */
  readonly exit: number;
  /** Index of the last exit that was computed: what the answer cost. */
  readonly reached: number;
}

/**
 * Both sides are compared as float32: 0.9 is met by the float32 nearest to 0.9. So threshold 1 is met by a confidence
 * that float32 cannot tell from 1 and by nothing else.
 */
export function isConfident(confidence: number, threshold: number): boolean {
  return Math.fround(confidence) >= Math.fround(threshold);
}

/**
 * The first confident exit answers. When there is none, the most confident one does, the final one included, and
 * everything has been computed by then.
 *
 * @param confidences of the exits in order, the final one last
 */
export function decide(confidences: ArrayLike<number>, thresholds: Thresholds): Decision {
  for (let exit = 0; exit < confidences.length; exit++) {
    const threshold = typeof thresholds === "number" ? thresholds : thresholds[exit]!;
    if (isConfident(confidences[exit]!, threshold)) return { exit, reached: exit };
  }
  return { exit: mostConfident(confidences), reached: confidences.length - 1 };
}

/** Index of the largest confidence; of equal ones the last, which has seen most of the network. NaN counts as none. */
export function mostConfident(confidences: ArrayLike<number>): number {
  let best = 0;
  for (let exit = 1; exit < confidences.length; exit++) {
    if (supersedes(confidences[exit]!, confidences[best]!)) best = exit;
  }
  return best;
}

/** The same choice one exit at a time: does a deeper exit take the place of the most confident one so far? */
export function supersedes(confidence: number, best: number): boolean {
  return confidence >= best || Number.isNaN(best);
}

/** @throws {RangeError} unless every threshold is in [0, 1] and, of a list, there is one for each of `exits` */
export function checkThresholds(thresholds: Thresholds, exits: number): void {
  const all = typeof thresholds === "number" ? [thresholds] : thresholds;
  if (typeof thresholds !== "number" && all.length !== exits)
    throw new RangeError(`${all.length} thresholds for ${exits} exits: the final one needs one too`);
  for (const t of all) if (!(t >= 0 && t <= 1)) throw new RangeError(`A threshold must be in [0, 1], not ${t}`);
}
