// From one cut to a later one: where to stop on the way to ask an exit. Pure planning, the same on device and server.

import { indexOfCut } from "./cut-index.ts";
import type { NetworkInfo } from "./network-info.ts";

/** Run on to a cut, and there, if it has one, through the head of an exit. */
export interface Step {
  readonly from: string;
  readonly to: string;
  /** Number of the exit to compute at `to`; absent when there is none or nobody asks. */
  readonly exit?: number;
  /** Where the next step goes, when that is known: what lies between may be computed in either. */
  readonly onTo?: string;
}

/**
 * The slices that lead from one cut to another. An exit with a threshold above 1 (as a float32) can never be confident and
 * is not computed, except the final one: at the end of the network somebody must answer.
 *
 * @param thresholds one for each exit
 * @throws {RangeError} when a cut is unknown or `to` is not behind `from`
 * @example stepsBetween(network, "input", "relu_9", thresholds)
 */
export function stepsBetween(network: NetworkInfo, from: string, to: string, thresholds: readonly number[]): Step[] {
  checkWay(network, from, to);
  const { cuts, exits } = network;
  const end = cuts[indexOfCut(network, to)]!.exitsBefore;
  const steps: Step[] = [];
  let here = from;
  for (let exit = cuts[indexOfCut(network, from)]!.exitsBefore; exit < end; exit++) {
    const { at } = exits[exit]!;
    if (Math.fround(thresholds[exit]!) > 1 && at !== "none") continue;
    steps.push({ from: here, to: at, exit });
    here = at;
  }
  if (here !== to) steps.push({ from: here, to });
  return steps.map((step, i) => (i + 1 < steps.length ? { ...step, onTo: steps[i + 1]!.to } : step));
}

/** Is there a way from one cut to another? @throws {RangeError} when a cut is unknown or `to` lies before `from` */
export function checkWay(network: NetworkInfo, from: string, to: string): void {
  const [start, end] = [indexOfCut(network, from), indexOfCut(network, to)];
  if (start < 0 || end < 0) throw new RangeError(`The network has no cut ${JSON.stringify(start < 0 ? from : to)}`);
  if (start > end) throw new RangeError(`Cannot go from ${from} back to ${to}`);
}
