// How many bits a link can carry when: a constant rate, or a trace that starts again at its end. Pure arithmetic.

import type { BandwidthTrace } from "./bandwidth-trace.ts";

/** Bandwidth over time. Times are milliseconds from the link's start, 0 or more. */
export interface Capacity {
  /** When `bits` have left that start to leave at `startMs` and have the link for themselves. */
  finishMs(startMs: number, bits: number): number;
  bitsPerSecondAt(ms: number): number;
}

/** @param bitsPerSecond positive, finite */
export function constantCapacity(bitsPerSecond: number): Capacity {
  return {
    finishMs: (startMs, bits) => startMs + (bits * 1000) / bitsPerSecond,
    bitsPerSecondAt: () => bitsPerSecond,
  };
}

/** @param beginMs when the trace begins; nothing is asked about earlier times */
export function traceCapacity({ steps }: BandwidthTrace, beginMs = 0): Capacity {
  // ends of the steps: how much time and how many bits have passed since the trace began
  const endMs = new Float64Array(steps.length);
  const endBits = new Float64Array(steps.length);
  let [ms, bits] = [0, 0];
  for (const [i, step] of steps.entries()) {
    ms += step.durationMs;
    bits += (step.durationMs * step.bitsPerSecond) / 1000;
    endMs[i] = ms;
    endBits[i] = bits;
  }
  const [periodMs, periodBits] = [ms, bits];
  const stepAt = (inPeriodMs: number): number => Math.min(firstAbove(endMs, inPeriodMs), steps.length - 1);
  /** Bits that the link can carry from the start of the trace to a time within its first round. */
  const bitsUntil = (inPeriodMs: number): number => {
    const i = stepAt(inPeriodMs);
    return endBits[i]! - ((endMs[i]! - inPeriodMs) * steps[i]!.bitsPerSecond) / 1000;
  };
  return {
    finishMs(startMs, count) {
      if (count === 0) return startMs;
      const round = Math.floor((startMs - beginMs) / periodMs);
      const target = bitsUntil(startMs - beginMs - round * periodMs) + count;
      let rounds = Math.floor(target / periodBits);
      let rest = target - rounds * periodBits;
      // what ends with a round has left before the next one begins, whatever pause that begins with
      if (rest === 0) {
        rounds--;
        rest = periodBits;
      }
      const i = Math.min(firstAtLeast(endBits, rest), steps.length - 1);
      const rate = steps[i]!.bitsPerSecond;
      const inRound = rate > 0 ? endMs[i]! - ((endBits[i]! - rest) * 1000) / rate : endMs[i]!;
      return Math.max(startMs, beginMs + (round + rounds) * periodMs + inRound);
    },
    bitsPerSecondAt: (at) => steps[stepAt((at - beginMs) % periodMs)]!.bitsPerSecond,
  };
}

/** Index of the first value above `limit` in a rising list; its length when there is none. */
function firstAbove(values: Float64Array, limit: number): number {
  return firstWhere(values, (value) => value > limit);
}

function firstAtLeast(values: Float64Array, limit: number): number {
  return firstWhere(values, (value) => value >= limit);
}

function firstWhere(values: Float64Array, holds: (value: number) => boolean): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(values[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
