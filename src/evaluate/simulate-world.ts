// The world of a simulation: conditions that change at given times, and the uplink that follows from them.

import { completeConditions } from "../scheduler/conditions.ts";
import type { Conditions } from "../scheduler/index.ts";
import type { BandwidthTrace } from "./bandwidth-trace.ts";
import { type Capacity, constantCapacity, traceCapacity } from "./capacity.ts";

export interface Phase {
  /** The first begins at 0; each lasts until the next, the last for ever. */
  readonly fromMs: number;
  readonly conditions: Conditions;
}

export interface World {
  at(ms: number): Required<Conditions>;
  readonly uplink: Capacity;
}

/** Long enough for any simulation. */
const FOREVER_MS = 1e9;

/** @throws {RangeError} for no phases, the wrong order, or conditions that make no sense */
export function createWorld(phases: readonly Phase[]): World {
  if (phases.length === 0 || phases[0]!.fromMs !== 0) throw new RangeError("A world has to begin at 0");
  const complete = phases.map(({ fromMs, conditions }, i) => {
    if (i > 0 && !(fromMs > phases[i - 1]!.fromMs)) throw new RangeError(`Phase ${i} begins before the one before it`);
    return completeConditions(conditions);
  });
  const at = (ms: number): Required<Conditions> => {
    let [low, high] = [0, phases.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (phases[middle]!.fromMs <= ms) low = middle;
      else high = middle - 1;
    }
    return complete[low]!;
  };
  return { at, uplink: uplinkOf(phases, complete) };
}

function uplinkOf(phases: readonly Phase[], complete: readonly Required<Conditions>[]): Capacity {
  if (phases.length === 1) return constantCapacity(complete[0]!.uplinkBps);
  const steps = complete.map(({ uplinkBps }, i) => ({
    durationMs: (phases[i + 1]?.fromMs ?? FOREVER_MS) - phases[i]!.fromMs,
    bitsPerSecond: uplinkBps,
  }));
  return traceCapacity({ steps });
}

/** The same conditions with the bandwidth of a trace, both ways; after its end as in its last step. */
export function worldOfTrace({ steps }: BandwidthTrace, conditions: Conditions): Phase[] {
  let fromMs = 0;
  return steps.map(({ durationMs, bitsPerSecond }) => {
    const phase = { fromMs, conditions: { ...conditions, uplinkBps: bitsPerSecond, downlinkBps: bitsPerSecond } };
    fromMs += durationMs;
    return phase;
  });
}
