// When to change the plan: a state machine without a clock. It looks again when something has moved, changes only for a broken
// promise or a clear gain, and not too often.

import type { Conditions } from "./conditions.ts";
import { completeConditions } from "./conditions.ts";
import type { Expected, Planned } from "./design.ts";
import { estimate } from "./estimate.ts";
import { metrics } from "./metrics.ts";
import { type Schedule, type ScheduleOptions, schedule } from "./schedule.ts";
import { costOf, withHeadroom } from "./select.ts";
import { type Constraint, flawOf, type Sla, toleranceOf } from "./sla.ts";
import { printConstraint } from "./sla-language.ts";
import type { Space } from "./space.ts";

export interface ReplanOptions extends ScheduleOptions {
  /** How far, relatively, a condition must move before anything is looked at. @default 0.05 */
  readonly moved?: number;
  /** How much better, relatively, another plan must be. @default 0.05 */
  readonly gain?: number;
  /**
   * Shortest time between two changes. Three times as long another plan must have been better at every look, or keep just what is
   * required; and ten times as long it must have been better when a promise was broken in the last half minute. @default 1000
   */
  readonly dwellMs?: number;
  /**
   * A new plan keeps such a distance from what is required, where it can, so that it is not broken by the next flutter of the
   * link. @default 0.1
   */
  readonly headroom?: number;
}

/** After a broken promise, the next gain is looked at with suspicion for so long. */
const RESENTMENT_MS = 30_000;

/** What is remembered from one call to the next; plain data. */
export interface PlanState extends Planned {
  /** Under which the plan was last compared with others. */
  readonly seen: Conditions;
  readonly changedAtMs: number;
  /** When a plan was last left because it broke its promise. */
  readonly brokenAtMs?: number;
  /** Since when another plan has been called for that can wait, if one is. */
  readonly pendingSinceMs?: number;
}

export type Why =
  /** There was no plan yet. */
  | { readonly kind: "first" }
  /** Nothing has moved enough to look. */
  | { readonly kind: "steady" }
  /** The plan breaks a constraint that the new one keeps, or keeps better. */
  | { readonly kind: "broken"; readonly constraint: string }
  /** The new plan is better on this metric. */
  | { readonly kind: "better"; readonly metric: string }
  /** Nothing else is clearly better. */
  | { readonly kind: "kept" }
  /** Another plan is called for, but the last change is too fresh, or the gain is. */
  | { readonly kind: "dwelling" };

export interface Replanned {
  readonly state: PlanState;
  readonly changed: boolean;
  readonly why: Why;
  /** How the new plan was found, when it has changed; its constraints are those with the margin, where there is one. */
  readonly schedule?: Schedule;
}

/**
 * The plan to follow now. For another SLA or space, begin again without a state.
 *
 * @param state what the last call returned
 * @param nowMs of any clock that does not jump
 * @throws {RangeError} for an SLA or conditions that make no sense
 */
export function replan(
  space: Space,
  sla: Sla,
  state: PlanState | undefined,
  nowMs: number,
  conditions: Conditions,
  options: ReplanOptions = {},
): Replanned {
  const { moved = 0.05, gain = 0.05, dwellMs = 1000, headroom = 0.1 } = options;
  if (!state) {
    const found = careful(space, conditions, sla, headroom, options);
    return changeTo(found, conditions, nowMs, { kind: "first" });
  }
  const { pendingSinceMs = nowMs, ...settled } = state;
  const still = (kind: "steady" | "kept" | "dwelling", next: PlanState): Replanned => {
    return { state: next, changed: false, why: { kind } };
  };
  if (!haveMoved(state.seen, conditions, moved)) return still("steady", settled);
  const expected = estimate(space.profile, conditions, state.plan);
  const found = careful(space, conditions, sla, headroom, options);
  const why = reasonToChange(sla, expected, found.expected, { gain, headroom });
  if (!why) return still("kept", { ...settled, expected, seen: conditions });
  // `seen` stays in both cases: the next call shall look again
  const wasBroken = nowMs - (state.brokenAtMs ?? Number.NEGATIVE_INFINITY) < RESENTMENT_MS;
  const onEdge = why.kind === "broken" && isOnEdge(sla, expected, found.expected, headroom);
  const patienceMs = dwellMs * (why.kind === "better" ? (wasBroken ? 10 : 3) : onEdge ? 3 : 0);
  if (nowMs - pendingSinceMs < patienceMs) return still("dwelling", { ...settled, pendingSinceMs });
  if (nowMs - state.changedAtMs < dwellMs) return still("dwelling", { ...settled, pendingSinceMs });
  return changeTo(found, conditions, nowMs, why, state.brokenAtMs);
}

function changeTo(found: Schedule, seen: Conditions, nowMs: number, why: Why, lastBrokenAtMs?: number): Replanned {
  const { plan, expected } = found;
  const brokenAtMs = why.kind === "broken" ? nowMs : lastBrokenAtMs;
  const state = { plan, expected, seen, changedAtMs: nowMs, ...(brokenAtMs !== undefined && { brokenAtMs }) };
  return { state, changed: true, why, schedule: found };
}

/** With a margin, unless that leaves nothing. */
function careful(space: Space, conditions: Conditions, sla: Sla, headroom: number, options: ScheduleOptions): Schedule {
  const roomy = { ...sla, require: (sla.require ?? []).map((constraint) => withHeadroom(constraint, headroom)) };
  // between `>=` and `<=` there may be no room at all
  const found = flawOf(roomy) ? undefined : schedule(space, conditions, roomy, options);
  return found?.relaxed.length === 0 ? found : schedule(space, conditions, sla, options);
}

/** Has any condition moved by more than a fraction of itself? */
export function haveMoved(from: Conditions, to: Conditions, fraction: number): boolean {
  const { power: _, ...before } = completeConditions(from);
  const { power: __, ...now } = completeConditions(to);
  return Object.entries(before).some(([name, old]) => {
    const value = now[name as keyof typeof now];
    return Math.abs(value - old) > fraction * Math.max(Math.abs(old), LEAST[name as keyof typeof now] ?? 0);
  });
}

/** Below this much, in its own unit, a condition's movements count as if it were this large: a wait of 0 ms flutters, too. */
const LEAST: { readonly [C in keyof Conditions]?: number } = {
  prepareMs: 10,
  rttMs: 1,
  jitterMs: 10,
  deviceSpread: 1,
  serverSpread: 1,
  serverQueueMs: 10,
  serverFailureProbability: 1,
};

/**
 * Constraints first, in order, then targets; the first that tells the two apart decides. Of two plans at the edge of a
 * constraint, now the one and now the other keeps it: it takes a clear gain, or a margin, to leave one for the other.
 */
function reasonToChange(
  sla: Sla,
  now: Expected,
  other: Expected,
  { gain, headroom }: { gain: number; headroom: number },
): Why | undefined {
  for (const constraint of sla.require ?? []) {
    const { read } = metrics[constraint.metric];
    const over = excess(constraint, now);
    const otherOver = excess(constraint, other);
    if (over === 0 && otherOver === 0) continue;
    const clear = Math.abs(over - otherOver) > gain * Math.abs(read(now));
    const roomy = excess(withHeadroom(constraint, headroom), other) === 0;
    if (otherOver < over && (clear || roomy)) return { kind: "broken", constraint: printConstraint(constraint) };
    if (over === 0 || (otherOver > over && clear)) return undefined;
  }
  for (const target of sla.prefer ?? []) {
    const { read, unit } = metrics[target.metric];
    const [cost, otherCost] = [costOf(target, read(now)), costOf(target, read(other))];
    const scale = target.aim === "value" ? target.value : Math.abs(read(now));
    // of shares of images what is left to gain counts: 98 % right are clearly better than 97 %
    const needed = gain * (unit === "share" ? 1 - read(now) : scale);
    if (otherCost < cost && cost - otherCost >= needed) return { kind: "better", metric: target.metric };
    if (otherCost - cost > toleranceOf(target, read(now))) return undefined;
  }
  return undefined;
}

/** Would the other plan keep a constraint with less than the margin, and less than now? Its next breach is near. */
function isOnEdge({ require = [] }: Sla, now: Expected, other: Expected, headroom: number): boolean {
  return require.some((constraint) => {
    const roomy = withHeadroom(constraint, headroom);
    return excess(roomy, other) > excess(roomy, now);
  });
}

/** By how much a constraint is broken, in the metric's unit. */
function excess({ metric, op, value }: Constraint, expected: Expected): number {
  const got = metrics[metric].read(expected);
  const over = op === "<=" ? got - value : value - got;
  return over <= 1e-9 * value ? 0 : over;
}
