// From one threshold for all exits to one for each: coordinate descent around a design that was found, target by target.

import type { Conditions } from "./conditions.ts";
import { NOT_ASKED, type Planned } from "./design.ts";
import { Evaluation } from "./evaluation.ts";
import { metrics } from "./metrics.ts";
import { type Bounds, costOf, isInside, reach } from "./select.ts";
import type { Target } from "./sla.ts";
import { compileSpace, planOf, type Space } from "./space.ts";

/** What each exit is tried with: always content, more and more demanding, not asked at all. */
const candidates: readonly number[] = [
  0,
  0.2,
  0.3,
  0.4,
  0.5,
  0.6,
  0.7,
  0.75,
  0.8,
  0.85,
  0.9,
  0.95,
  0.98,
  0.99,
  1,
  NOT_ASKED,
];
const ROUNDS = 3;

/** Accuracy on a calibration record flatters thresholds that were fitted to it: what gains less than this is not worth having. */
const LEAST_GAIN = 0.002;

/**
 * Stays with the design's cut and codec.
 *
 * @param start found among designs
 * @param held what the plan must keep to; `start` does
 * @param best the value of each target that designs reach at best; those of `start` count as equally good
 * @returns at least as good as `start`, and how many designs were tried
 */
export function refine(
  space: Space,
  conditions: Conditions,
  start: Planned,
  held: readonly Bounds[],
  prefer: readonly Target[],
  best: readonly number[],
): Planned & { readonly tried: number } {
  const { cut, codec } = start.plan;
  const bounds = [...held];
  let current = start;
  let tried = 0;
  prefer.forEach((target, i) => {
    const reached = ({ expected }: Planned): number => metrics[target.metric].read(expected);
    for (let round = 0; round < ROUNDS; round++) {
      const before = costOf(target, reached(current));
      for (let exit = 0; exit < space.exits; exit++) {
        const policies = candidates.map((t) => current.plan.thresholds.with(exit, t));
        tried += policies.length;
        const around = compileSpace(space.profile, {
          cuts: ({ id }) => id === cut,
          codecs: (name) => name === codec,
          policies,
        });
        current = bestOf(around, conditions, current, target, bounds);
      }
      if (costOf(target, reached(current)) >= before) break;
    }
    const value = reached(current);
    bounds.push(reach(target, costOf(target, value) < costOf(target, best[i]!) ? value : best[i]!, true));
  });
  return { ...current, tried };
}

/** The design of a small space that a target likes best, within bounds; `current` where none is clearly better. */
function bestOf(
  space: Space,
  conditions: Conditions,
  current: Planned,
  target: Target,
  bounds: readonly Bounds[],
): Planned {
  const evaluation = new Evaluation(space, conditions);
  const value = metrics[target.metric].read(current.expected);
  let least = costOf(target, value) - LEAST_GAIN * Math.abs(value);
  let found: number | undefined;
  for (let d = 0; d < space.designs; d++) {
    const cost = costOf(target, evaluation.meter(target.metric).value(d));
    if (cost > least || (cost === least && found !== undefined)) continue;
    if (!bounds.every((b) => isInside(b, evaluation.meter(b.metric).value(d)))) continue;
    found = d;
    least = cost;
  }
  if (found === undefined || costOf(target, value) <= least) return current;
  return { plan: planOf(space, found), expected: evaluation.expected(found) };
}
