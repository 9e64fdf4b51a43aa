// A service-level agreement as data: what must hold, from the most important down, and what is wanted beyond that, from the
// most wanted down (SPINN's hard constraints and soft targets).

import { type Metric, metrics } from "./metrics.ts";

export interface Sla {
  /** Hard constraints in order of priority: of those that cannot all be met, the last give way first. */
  readonly require?: readonly Constraint[];
  /** Soft targets in order: each is pursued among the designs that are as good as possible on the ones before it. */
  readonly prefer?: readonly Target[];
}

export interface Constraint {
  readonly metric: Metric;
  readonly op: "<=" | ">=";
  /** In the metric's unit: ms, 1/s, mJ, bytes, or a share from 0 to 1. */
  readonly value: number;
}

export type Target = Extreme | Goal;

export interface Extreme extends Tolerant {
  readonly aim: "min" | "max";
  readonly metric: Metric;
}

/** As near as possible to a value. */
export interface Goal extends Tolerant {
  readonly aim: "value";
  readonly metric: Metric;
  readonly value: number;
}

interface Tolerant {
  /**
   * How much of the best value may be given up for the targets after it: a fraction of the value, for shares of images the
   * share itself. @default 0.01, for shares 0.002
   */
  readonly tolerance?: number;
}

/** How far the designs that count as equally good lie apart, in the metric's unit. */
export function toleranceOf({ metric, tolerance }: Target, value: number): number {
  if (metrics[metric].unit === "share") return tolerance ?? 0.002;
  return (tolerance ?? 0.01) * Math.abs(value);
}

/** A statement that makes no sense beside an earlier one, or by itself. */
export interface Flaw {
  readonly list: "require" | "prefer";
  /** Number of the statement in its list. */
  readonly index: number;
  readonly what: string;
}

/** The first flaw, if there is one. */
export function flawOf({ require = [], prefer = [] }: Sla): Flaw | undefined {
  for (const [index, one] of require.entries()) {
    const flaw = (what: string): Flaw => ({ list: "require", index, what });
    const wrong = valueFlaw(one.metric, one.value);
    if (wrong) return flaw(wrong);
    for (const earlier of require.slice(0, index)) {
      if (earlier.metric === one.metric && earlier.op === one.op) return flaw(`${one.metric} has such a bound already`);
      const [low, high] = one.op === ">=" ? [one, earlier] : [earlier, one];
      const apart = low.op === ">=" && high.op === "<=" && low.value > high.value;
      if (apart && neverAbove(low.metric, high.metric)) return flaw("It contradicts an earlier constraint");
    }
  }
  for (const [index, one] of prefer.entries()) {
    const flaw = (what: string): Flaw => ({ list: "prefer", index, what });
    const wrong = one.aim === "value" ? valueFlaw(one.metric, one.value) : undefined;
    if (wrong) return flaw(wrong);
    if (one.tolerance !== undefined && !(one.tolerance >= 0 && one.tolerance < 1))
      return flaw(`A tolerance must be in [0, 1), not ${one.tolerance}`);
    if (prefer.slice(0, index).some(({ metric }) => metric === one.metric))
      return flaw(`${one.metric} is a target already`);
  }
  return undefined;
}

/** @throws {RangeError} naming the first flaw and where it is */
export function checkSla(sla: Sla): void {
  const flaw = flawOf(sla);
  if (flaw) throw new RangeError(`${flaw.list}[${flaw.index}]: ${flaw.what}`);
}

function valueFlaw(metric: Metric, value: number): string | undefined {
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) return `${metric} cannot be ${value}`;
  if (metrics[metric].unit === "share" && value > 1) return `${metric} is a share of images and cannot be ${value}`;
  return undefined;
}

const rising: readonly Metric[] = ["latency.p50", "latency.p95", "latency.p99"];

/** Whatever the design: is the first at most the second? */
function neverAbove(low: Metric, high: Metric): boolean {
  if (low === high) return true;
  const [a, b] = [rising.indexOf(low), rising.indexOf(high)];
  return a >= 0 && a < b;
}
