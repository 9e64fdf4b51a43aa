// The scheduler: the design that keeps the promise best under given conditions, and why (SPINN's dynamic scheduler).

import type { Conditions } from "./conditions.ts";
import type { Planned } from "./design.ts";
import { Evaluation } from "./evaluation.ts";
import { metrics } from "./metrics.ts";
import { refine } from "./refine.ts";
import { choose, feasible } from "./select.ts";
import { checkSla, type Sla } from "./sla.ts";
import { printConstraint } from "./sla-language.ts";
import { planOf, type Space } from "./space.ts";

export interface ScheduleOptions {
  /** Give each exit a threshold of its own where that is better? Takes some milliseconds more. @default true */
  readonly perExit?: boolean;
  /** How many other ways to name, each with a cut and codec of its own. @default 3 */
  readonly runnersUp?: number;
}

export interface Schedule extends Planned {
  /** How many designs were looked at. */
  readonly designs: number;
  /** For each constraint, in order: of the designs that the ones before it left, how many it took away. */
  readonly excluded: readonly { readonly constraint: string; readonly count: number }[];
  /** Constraints that no design could meet beside the more important ones, and what the plan reaches. */
  readonly relaxed: readonly { readonly constraint: string; readonly wanted: number; readonly got: number }[];
  /** What would be chosen were it not for the ones before it. */
  readonly runnersUp: readonly Planned[];
}

/**
 * Always finds a plan: where the constraints cannot all be met, the less important ones give way as little as possible.
 *
 * @throws {RangeError} for an SLA or conditions that make no sense
 * @example schedule(compileSpace(profile), conditions, parseSla({ require: ["latency.p95 <= 60ms"] })).plan
 */
export function schedule(space: Space, conditions: Conditions, sla: Sla, options: ScheduleOptions = {}): Schedule {
  checkSla(sla);
  const { perExit = true, runnersUp = 3 } = options;
  const { require = [], prefer = [] } = sla;
  const evaluation = new Evaluation(space, conditions);
  const { designs, excluded, relaxed, held } = feasible(evaluation, require);
  const first = choose(evaluation, designs, prefer);
  const planned = (d: number): Planned => ({ plan: planOf(space, d), expected: evaluation.expected(d) });
  const scanned = planned(first.design);
  const refined = perExit ? refine(space, conditions, scanned, held, prefer, first.best) : { ...scanned, tried: 0 };
  const { plan, expected, tried } = refined;
  return {
    plan,
    expected,
    designs: space.designs + tried,
    excluded: require.map((constraint, i) => ({ constraint: printConstraint(constraint), count: excluded[i]! })),
    relaxed: relaxed.map((i) => {
      const constraint = require[i]!;
      const got = metrics[constraint.metric].read(expected);
      return { constraint: printConstraint(constraint), wanted: constraint.value, got };
    }),
    runnersUp: others(evaluation, designs, first.design, prefer, runnersUp).map(planned),
  };
}

/** The next best, one after the other, each in a pair that has not been taken. */
function others(
  evaluation: Evaluation,
  from: Uint32Array,
  winner: number,
  prefer: Sla["prefer"],
  count: number,
): number[] {
  const found: number[] = [];
  let designs = from;
  let last = winner;
  while (found.length < count) {
    designs = outsidePair(evaluation.space, designs, last);
    if (designs.length === 0) break;
    last = choose(evaluation, designs, prefer).design;
    found.push(last);
  }
  return found;
}

/** Those of another pair than `taken`. */
function outsidePair({ policies }: Space, designs: Uint32Array, taken: number): Uint32Array {
  const start = taken - (taken % policies.length);
  const end = start + policies.length;
  const left = new Uint32Array(designs.length);
  let count = 0;
  for (const d of designs) if (d < start || d >= end) left[count++] = d;
  return left.subarray(0, count);
}
