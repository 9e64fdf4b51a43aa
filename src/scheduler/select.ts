// Which of many designs: constraints in order of priority, then targets one after the other (SPINN: minimise M_i among those
// that are as good as possible on every M_j before it).

import type { Evaluation, Meter } from "./evaluation.ts";
import { type Metric, metrics } from "./metrics.ts";
import { type Constraint, type Sla, type Target, toleranceOf } from "./sla.ts";

/** Everything that counts: a metric between two values. */
export interface Bounds {
  readonly metric: Metric;
  readonly low: number;
  readonly high: number;
}

export interface Feasible {
  /** Numbers of the designs that remain; never none. */
  readonly designs: Uint32Array;
  /** How many each constraint took away, of those that the ones before had left. */
  readonly excluded: readonly number[];
  /** Numbers of the constraints that nothing could meet; those are met as nearly as possible. */
  readonly relaxed: readonly number[];
  /** What was held up, constraint by constraint. */
  readonly held: readonly Bounds[];
}

export interface Choice {
  readonly design: number;
  /** The best value of each target, among the designs that came so far. */
  readonly best: readonly number[];
}

/** Of equals the most accurate, then the fastest. */
const tieBreakers: readonly Target[] = [
  { aim: "max", metric: "accuracy" },
  { aim: "min", metric: "latency.mean" },
];

/** Comparisons leave so much room for rounding. */
const ROUNDING = 1e-9;

/**
 * The designs that meet the constraints. One that cannot be met beside those before it becomes a wish of the same rank: only
 * the designs that come nearest remain.
 */
export function feasible(evaluation: Evaluation, constraints: readonly Constraint[]): Feasible {
  let designs: Uint32Array = new Uint32Array(evaluation.space.designs);
  for (let d = 0; d < designs.length; d++) designs[d] = d;
  const excluded: number[] = [];
  const relaxed: number[] = [];
  const held: Bounds[] = [];
  constraints.forEach((constraint, i) => {
    let bounds = boundsOf(constraint);
    const meter = evaluation.meter(constraint.metric);
    let left = within(designs, meter, bounds);
    if (left.length === 0) {
      relaxed.push(i);
      const target: Target = { aim: constraint.op === "<=" ? "min" : "max", metric: constraint.metric };
      bounds = reach(target, best(designs, meter, target), true);
      left = within(designs, meter, bounds);
    }
    excluded.push(designs.length - left.length);
    held.push(bounds);
    designs = left;
  });
  return { designs, excluded, relaxed, held };
}

/** The best of `designs`, of which there is at least one. */
export function choose(evaluation: Evaluation, from: Uint32Array, prefer: Sla["prefer"] = []): Choice {
  const values: number[] = [];
  let designs = from;
  for (const [i, target] of [...prefer, ...tieBreakers].entries()) {
    const meter = evaluation.meter(target.metric);
    const value = best(designs, meter, target);
    values.push(value);
    // What the last one gives up, it gives up for nothing.
    designs = within(designs, meter, reach(target, value, i < prefer.length - 1));
  }
  return { design: designs[0]!, best: values };
}

export function boundsOf({ metric, op, value }: Constraint): Bounds {
  const [low, high] = op === "<=" ? [Number.NEGATIVE_INFINITY, value] : [value, Number.POSITIVE_INFINITY];
  return { metric, low, high };
}

/** How far from perfect, in the metric's unit: what a target makes small. */
export function costOf(target: Target, value: number): number {
  if (target.aim === "value") return Math.abs(value - target.value);
  return target.aim === "min" ? value : -value;
}

/** The values that count as good as the best one; with the target's tolerance or without. */
export function reach(target: Target, bestValue: number, tolerant: boolean): Bounds {
  const room = ROUNDING * Math.abs(bestValue);
  const given = tolerant ? toleranceOf(target, target.aim === "value" ? target.value : bestValue) : 0;
  return valuesWithin(target, costOf(target, bestValue) + given + room);
}

function valuesWithin(target: Target, cost: number): Bounds {
  const { aim, metric } = target;
  if (aim === "value") return { metric, low: target.value - cost, high: target.value + cost };
  if (aim === "min") return { metric, low: Number.NEGATIVE_INFINITY, high: cost };
  return { metric, low: -cost, high: Number.POSITIVE_INFINITY };
}

/** The value that the target likes best. Only what may be better than all before is computed. */
function best(designs: Uint32Array, meter: Meter, target: Target): number {
  let value = meter.value(designs[0]!);
  let cost = costOf(target, value);
  let { low, high } = valuesWithin(target, cost - ROUNDING * Math.abs(value));
  for (const d of designs) {
    if (!isWithin(meter, d, low, high)) continue;
    const candidate = meter.value(d);
    if (costOf(target, candidate) >= cost) continue;
    value = candidate;
    cost = costOf(target, value);
    ({ low, high } = valuesWithin(target, cost - ROUNDING * Math.abs(value)));
  }
  return value;
}

function within(designs: Uint32Array, meter: Meter, { low, high }: Bounds): Uint32Array {
  const left = new Uint32Array(designs.length);
  let count = 0;
  for (const d of designs) if (isWithin(meter, d, low, high)) left[count++] = d;
  return left.subarray(0, count);
}

function isWithin(meter: Meter, d: number, low: number, high: number): boolean {
  return (
    (high === Number.POSITIVE_INFINITY || meter.atMost(d, high)) &&
    (low === Number.NEGATIVE_INFINITY || meter.atLeast(d, low))
  );
}

/** Does the value lie in the bounds, rounding left aside? */
export function isInside({ low, high }: Bounds, value: number): boolean {
  return value <= high * (1 + ROUNDING) && value >= low - Math.abs(low) * ROUNDING;
}

/** A constraint that leaves a margin: only what link and load may move needs one. */
export function withHeadroom(constraint: Constraint, headroom: number): Constraint {
  const { metric, op, value } = constraint;
  if (!metrics[metric].moves) return constraint;
  return { metric, op, value: op === "<=" ? value * (1 - headroom) : value * (1 + headroom) };
}
