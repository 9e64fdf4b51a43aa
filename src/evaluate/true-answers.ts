// What each exit of a network says of each image when the network runs in one piece, and whether an answer that came some other
// way can be one of those.

import type { NetworkInfo } from "../engine/index.ts";
import type { ExitLogits } from "../generator/collect-logits.ts";
import { answerOf, decide } from "../progressive/index.ts";

export interface GivenAnswer {
  readonly exit: number;
  readonly classIndex: number;
  readonly confidence: number;
  readonly source: "device" | "server";
}

export interface TrueAnswers {
  readonly images: number;
  /**
   * @param thresholds of the plan, one an exit
   * @returns undefined when the answer can be true, else what is wrong. On the device any exit may have the last word; the
   *   server's answer must be the one that the exit rule picks.
   */
  whatIsWrong(image: number, thresholds: readonly number[], answer: GivenAnswer): string | undefined;
}

/**
 * @param logits of the unsplit network, all exits
 * @param tolerance of a confidence: slices and batches sum in another order
 */
export function trueAnswers({ exits, classes }: NetworkInfo, logits: ExitLogits, tolerance = 1e-3): TrueAnswers {
  const at = (image: number, exit: number): Float32Array =>
    logits.exits[exit]!.subarray(image * classes, (image + 1) * classes);
  return {
    images: logits.images,
    whatIsWrong(image, thresholds, { exit, classIndex, confidence, source }) {
      const info = exits[exit];
      if (!info) return `there is no exit ${exit}`;
      const own = at(image, exit);
      const expected = answerOf(own, info.temperature);
      if (!(Math.abs(expected.confidence - confidence) <= tolerance))
        return `exit ${exit} has confidence ${expected.confidence}, not ${confidence}`;
      // of labels that are as good as equal either may come out
      const lead = own[expected.prediction]! - (own[classIndex] ?? Number.NEGATIVE_INFINITY);
      const share = expected.confidence * Math.exp(-lead / info.temperature);
      if (expected.confidence - share > tolerance) return `exit ${exit} says ${expected.prediction}, not ${classIndex}`;
      if (source === "device") return undefined;
      const confidences = exits.map(({ temperature }, i) => answerOf(at(image, i), temperature).confidence);
      const right = decide(confidences, thresholds).exit;
      // a close call may go the other way
      const nudged = confidences.map((c, i) => c + (i === exit ? tolerance : i === right ? -tolerance : 0));
      if (exit === right || decide(nudged, thresholds).exit === exit) return undefined;
      return `exit ${right} has the last word, not exit ${exit}`;
    },
  };
}
