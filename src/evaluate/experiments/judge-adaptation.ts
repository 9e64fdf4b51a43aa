// What came of a client's planning while the world changed: how soon its agreement was kept again, and by how many changes of plan.

import type { Adaptation } from "./experiment.ts";

/** A while in which conditions held. Times on one clock, in milliseconds. */
export interface JudgedPhase {
  readonly fromMs: number;
  readonly toMs: number;
  /** Did it begin with a change for the worse? */
  readonly isBlow: boolean;
  readonly answers: readonly { readonly atMs: number; readonly latencyMs: number }[];
  /** Of the plan. */
  readonly changes: readonly { readonly atMs: number }[];
}

/** After so long in a phase its conditions are old news: a change of plan from then on is one for nothing. */
export const SETTLED_MS = 6000;
/** Fewer images say nothing about a mean. */
const LEAST_IMAGES = 8;

/** @param boundMs on the mean latency */
export function judge(phases: readonly JudgedPhase[], boundMs: number): Adaptation {
  const blows = phases.filter(({ isBlow }) => isBlow);
  const idle = phases.flatMap(({ changes, fromMs }) => changes.filter(({ atMs }) => atMs - fromMs > SETTLED_MS));
  return {
    worstRecoveryMs: Math.max(0, ...blows.map((phase) => recoveryMs(phase, boundMs))),
    mostPlanChanges: Math.max(0, ...blows.map(({ changes }) => changes.length)),
    idlePlanChanges: idle.length,
  };
}

/** Until the first image from which on the mean of the phase keeps the bound; the whole phase when there is none. */
export function recoveryMs({ answers, fromMs, toMs }: JudgedPhase, boundMs: number): number {
  let sum = 0;
  let foundMs = toMs - fromMs;
  for (let i = answers.length - 1; i >= 0; i--) {
    sum += answers[i]!.latencyMs;
    const count = answers.length - i;
    if (count < LEAST_IMAGES) continue;
    if (sum > boundMs * count) break;
    foundMs = i === 0 ? 0 : answers[i]!.atMs - fromMs;
  }
  return foundMs;
}
