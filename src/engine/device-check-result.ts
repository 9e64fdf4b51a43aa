// Can this answer be true? The server may be broken, or another one than it says: what it claims is checked against the network
// and against what the device has seen itself.

import { isConfident } from "../progressive/exit-policy.ts";
import type { ExitAnswer, Result } from "../wire/message.ts";
import type { NetworkInfo } from "./network-info.ts";

/** What was asked. */
export interface Asked {
  /** How many exits the device had passed. */
  readonly exitsBefore: number;
  /** The best of them. */
  readonly best?: ExitAnswer;
  /** One for each exit. */
  readonly thresholds: readonly number[];
}

/** @returns what is wrong with the answer; undefined when nothing is */
export function whatIsWrong(network: NetworkInfo, asked: Asked, result: Result): string | undefined {
  const { exits, classes } = network;
  const { best, exitsBefore, thresholds } = asked;
  const { exit, label, confidence, logits } = result;
  if (exit >= exits.length) return `exit ${exit} of ${exits.length}`;
  if (label >= classes) return `class ${label} of ${classes}`;
  if (!(confidence >= 0 && confidence <= 1)) return `confidence ${confidence}`;
  if (logits && logits.length !== classes) return `${logits.length} logits for ${classes} classes`;
  if (exit < exitsBefore) {
    const isOurs =
      best?.exit === exit && best.label === label && Math.fround(best.confidence) === Math.fround(confidence);
    return isOurs ? undefined : `exit ${exit} is before the cut and not what the device found there`;
  }
  const isWorse = best !== undefined && Math.fround(best.confidence) > Math.fround(confidence);
  if (isWorse && !isConfident(confidence, thresholds[exit]!))
    return `exit ${exit} is neither confident nor better than the device's exit ${best.exit}`;
  return undefined;
}
