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
/** Fewer images say nothing about a mean: some leave on the device in a tenth of the time that others take. */
const WINDOW = 16;

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

/**
 * Until the first image from which on both the next ones and all that follow keep the bound on average; the whole phase when there
 * is none. Only the next ones: what comes later could make good for a bad plan. Only all: a bad second would be hidden, too.
 */
export function recoveryMs({ answers, fromMs, toMs }: JudgedPhase, boundMs: number): number {
  const sums = [0];
  for (const { latencyMs } of answers) sums.push(sums.at(-1)! + latencyMs);
  const mean = (from: number, to: number): number => (sums[to]! - sums[from]!) / (to - from);
  const kept = answers.findIndex((_, i) => {
    const [end, last] = [i + WINDOW, answers.length];
    return end <= last && mean(i, end) <= boundMs && mean(i, last) <= boundMs;
  });
  if (kept < 0) return toMs - fromMs;
  return kept === 0 ? 0 : answers[kept]!.atMs - fromMs;
}
