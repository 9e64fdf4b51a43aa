// The cheapest way to hear from the server how fast it and the link are, when no image goes there.

import type { Plan } from "../engine/index.ts";
import { type Conditions, codecOf, type Profile } from "../scheduler/index.ts";

/** Less says nothing of the link's bandwidth. */
const LEAST_BYTES = 2048;

/**
 * The server asks the first exit behind the cut and answers whatever it says.
 *
 * @returns undefined when nothing can be sent
 */
export function probePlan({ model, device }: Profile, { uplinkBps, deviceFactor = 1 }: Conditions): Plan | undefined {
  const exits = device.heads.length;
  let best: Plan | undefined;
  let leastMs = Number.POSITIVE_INFINITY;
  let reachedMs = 0;
  model.cuts.forEach(({ id, exitsBefore, codecs }, c) => {
    codecs.forEach(({ codec, bytes }, k) => {
      const size = mean(bytes);
      const fine = size < LEAST_BYTES ? 1e6 : 0; // only when there is nothing else
      const ms = fine + deviceFactor * (reachedMs + device.coding[c]![k]!.meanMs) + (8000 * size) / uplinkBps;
      if (ms >= leastMs) return;
      leastMs = ms;
      const name = codecOf(codec);
      best = {
        cut: id,
        codec: name.codec as Plan["codec"],
        bits: name.bits,
        thresholds: Array.from({ length: exits }, (_, exit) => (exit === exitsBefore ? 0 : 2)),
      };
    });
    reachedMs += device.steps[c]?.meanMs ?? 0;
  });
  return best;
}

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}
