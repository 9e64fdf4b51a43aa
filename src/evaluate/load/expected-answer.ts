// What the exit rule makes of a sample: whether the server is asked at all, with which answer at hand, and whether what it says is
// right.

import { isConfident, supersedes } from "../../progressive/exit-policy.ts";
import type { ExitAnswer } from "../../wire/index.ts";
import type { Sample, SampleExit } from "./load-plan.ts";

/** Of a confidence: slices and batches sum in another order. */
const TOLERANCE = 1e-3;

/** The exits that are computed at all. */
function asked(exits: readonly SampleExit[], thresholds: readonly number[]): SampleExit[] {
  const final = exits.length - 1;
  return exits.filter(({ exit }) => exit === final || Math.fround(thresholds[exit]!) <= 1);
}

/**
 * The device's best exit before the cut.
 *
 * @returns "done" when one of them is confident, and no server is needed
 */
export function bestBefore(
  { exits, exitsBefore }: Sample,
  thresholds: readonly number[],
): ExitAnswer | "done" | undefined {
  const passed = asked(exits, thresholds).filter(({ exit }) => exit < exitsBefore);
  if (passed.some(({ exit, confidence }) => isConfident(confidence, thresholds[exit]!))) return "done";
  return mostConfident(passed);
}

/** @returns undefined when the server's answer can be right, else what is wrong, in one line */
export function whatIsWrong({ exits }: Sample, thresholds: readonly number[], answer: ExitAnswer): string | undefined {
  const { exit, label, confidence } = answer;
  const own = exits[exit];
  if (!own) return `there is no exit ${exit}`;
  if (!(Math.abs(own.confidence - confidence) <= TOLERANCE))
    return `exit ${exit} has confidence ${own.confidence}, not ${confidence}`;
  if (!own.labels.includes(label)) return `exit ${exit} says ${own.label}, not ${label}`;
  const right = decided(exits, thresholds);
  // a close call may go the other way
  const nudged = exits.map((one) => {
    const by = one.exit === exit ? TOLERANCE : one.exit === right ? -TOLERANCE : 0;
    return { ...one, confidence: one.confidence + by };
  });
  if (exit === right || exit === decided(nudged, thresholds)) return undefined;
  return `exit ${right} has the last word, not exit ${exit}`;
}

function decided(exits: readonly SampleExit[], thresholds: readonly number[]): number {
  const candidates = asked(exits, thresholds);
  const confident = candidates.find(({ exit, confidence }) => isConfident(confidence, thresholds[exit]!));
  return (confident ?? mostConfident(candidates)!).exit;
}

function mostConfident(exits: readonly SampleExit[]): ExitAnswer | undefined {
  let best: SampleExit | undefined;
  for (const one of exits) if (!best || supersedes(one.confidence, best.confidence)) best = one;
  return best && { exit: best.exit, label: best.label, confidence: best.confidence };
}
