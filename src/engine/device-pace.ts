// How fast the device computes, from the slices it has run: enough to know when it must begin to have an answer in time.

import type { ComputeTimes } from "./compute.ts";
import { cutOf } from "./device-plan.ts";
import type { NetworkInfo } from "./network-info.ts";

/** Milliseconds a multiply-add; undefined until something was measured. */
export type Pace = number | undefined;

/** An eighth of each new sample. */
const WEIGHT = 1 / 8;
/** Layers differ: what is left may cost more a multiply-add than what was measured. */
const CAUTION = 1.5;
/** Timers and threads have their own delays. */
const START_MS = 5;

export function withSlices(pace: Pace, network: NetworkInfo, { slices }: ComputeTimes): Pace {
  let ms = 0;
  let macs = 0;
  for (const slice of slices) {
    ms += slice.ms;
    macs += cutOf(network, slice.to).macsBefore - cutOf(network, slice.from).macsBefore;
  }
  if (macs <= 0) return pace;
  return pace === undefined ? ms / macs : pace + WEIGHT * (ms / macs - pace);
}

/** A cautious guess how long the device needs from a cut to the end of the network; undefined when it has run nothing yet. */
export function remainingMs(pace: Pace, network: NetworkInfo, cut: string): number | undefined {
  if (pace === undefined) return undefined;
  return START_MS + CAUTION * pace * (cutOf(network, "none").macsBefore - cutOf(network, cut).macsBefore);
}
