// From one threshold for all exits to one for each: coordinate descent around a design, target by target. Where a bound binds, no
// exit can give way alone; so bounds are also given a price, from low to high, and the best that is met on the way is kept.

import type { Conditions } from "./conditions.ts";
import { NOT_ASKED, type Planned } from "./design.ts";
import { Evaluation } from "./evaluation.ts";
import { type Metric, metrics } from "./metrics.ts";
import { replay, sweep } from "./replay.ts";
import { type Bounds, costOf, isInside, reach } from "./select.ts";
import type { Target } from "./sla.ts";
import { emptySpace, planOf, type Space } from "./space.ts";
import { type Pair, recordTape, type Tape } from "./tape.ts";

/** What each exit is tried with, beside not being asked: always content, more and more demanding. */
const LEVELS: readonly number[] = [0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 1];

/** What a bound that is used up twice as far costs, in multiples of the target's own value. */
const PRICES: readonly number[] = [0, 0.3, 1, 3, 10];
const ROUNDS = 2;

/** What gains less is not worth having. */
const LEAST_GAIN = 0.002;

/**
 * Thresholds that are fitted exit by exit do better on the images that they were fitted to than on others: of n images they get some
 * such share over sqrt(n) less right there. Measured with the shipped network, fitted to 1 000 or 3 000 images and asked about all others.
 */
const FLATTERY = 0.45;

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
  const pair = space.pairs.find((one) => samePair(space, one, start))!;
  const flattery = FLATTERY / Math.sqrt(space.profile.model.record.images);
  const bounds = held.map((one) => soberly(one, flattery));
  const tapes = new Map<string, Tape>();
  let current = start;
  let tried = 0;
  prefer.forEach((target, i) => {
    const reachedBy = ({ expected }: Planned): number => metrics[target.metric].read(expected);
    const better = (a: number, b: number): number => (costOf(target, b) < costOf(target, a) ? b : a);
    // `start` may have given up some of it for the targets to come: to have that back is no gain
    const known = better(best[i]!, reachedBy(current));
    const descent: Descent = { space, conditions, pair, target, bounds, tapes, found: current, tried: 0 };
    for (const price of bounds.length === 0 ? [0] : PRICES) descend(descent, current, price);
    const gain = costOf(target, known) - costOf(target, reachedBy(descent.found));
    if (gain > (isFlattered(target) ? flattery : LEAST_GAIN * Math.abs(known))) current = descent.found;
    tried += descent.tried;
    bounds.push(soberly(reach(target, better(known, reachedBy(current)), true), flattery));
  });
  return { ...current, tried };
}

interface Descent {
  readonly space: Space;
  readonly conditions: Conditions;
  readonly pair: Pair;
  readonly target: Target;
  readonly bounds: readonly Bounds[];
  readonly tapes: Map<string, Tape>;
  /** The best within bounds so far. */
  found: Planned;
  tried: number;
}

/** One exit after the other takes the threshold of least cost and price. */
function descend(descent: Descent, start: Planned, price: number): void {
  const { space, target, bounds } = descent;
  const scale = Math.abs(metrics[target.metric].read(start.expected)) || 1;
  let { thresholds } = start.plan;
  for (let round = 0; round < ROUNDS; round++) {
    const before = thresholds;
    for (let exit = 0; exit < space.exits; exit++) {
      const around = surroundings(descent, thresholds, exit);
      const evaluation = new Evaluation(around, descent.conditions);
      descent.tried += around.designs;
      let least = Number.POSITIVE_INFINITY;
      for (let d = 0; d < around.designs; d++) {
        const cost = costOf(target, evaluation.meter(target.metric).value(d));
        const used = bounds.map((b) => ({ b, value: evaluation.meter(b.metric).value(d) }));
        const inside = used.every(({ b, value }) => isInside(b, value));
        if (inside && cost < costOf(target, metrics[target.metric].read(descent.found.expected)))
          descent.found = { plan: planOf(around, d), expected: evaluation.expected(d) };
        if (price === 0 && !inside) continue;
        const total = cost / scale + price * used.reduce((sum, { b, value }) => sum + share(b, value), 0);
        if (total >= least - 1e-9 * Math.abs(least)) continue;
        least = total;
        thresholds = around.policies[d]!;
      }
    }
    if (thresholds === before) break;
  }
}

/** The same thresholds but for one exit, which takes every value it may have; the present one is among them. */
function surroundings({ space, pair, tapes }: Descent, thresholds: readonly number[], exit: number): Space {
  const levels = [...new Set([...LEVELS, thresholds[exit]!])].filter((t) => t <= 1).sort((a, b) => a - b);
  const policies = [...levels, NOT_ASKED].map((t) => thresholds.with(exit, t));
  const around = emptySpace(space.profile, [pair], policies);
  const tape = (d: number): Tape => {
    const asked = around.asked[around.rowOf[d]!]!;
    const key = asked.join();
    const known = tapes.get(key) ?? recordTape(space.profile, pair, asked);
    tapes.set(key, known);
    return known;
  };
  sweep(around, thresholds, exit, levels, tape(0));
  replay(around, levels.length, policies.at(-1)!, tape(levels.length));
  return around;
}

/** Is it counted in right answers? */
const isFlattered = ({ metric }: { readonly metric: Metric }): boolean => metrics[metric].unit === "share";

/** The bound for fitted thresholds: what it asks for on images that they were not fitted to. */
function soberly(bounds: Bounds, flattery: number): Bounds {
  return isFlattered(bounds) ? { ...bounds, low: bounds.low + flattery } : bounds;
}

function samePair(space: Space, { cut, codec }: Pair, { plan }: Planned): boolean {
  const { id, codecs } = space.profile.model.cuts[cut]!;
  return id === plan.cut && (codecs[codec]?.codec ?? "none") === plan.codec;
}

/** How far a bound is used up: 1 on the bound, more beyond it. */
function share({ low, high }: Bounds, value: number): number {
  if (high < Number.POSITIVE_INFINITY) return high > 0 ? value / high : value;
  return low > 0 ? 2 - value / low : 0;
}
