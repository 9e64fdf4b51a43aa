// How loaded the server is, in the words of the protocol: what a run took, waiting included, over what it takes at best.

import type { ComputeTimes } from "./compute.ts";

/** Weight of a run in the moving average. */
const WEIGHT = 0.1;
/** A run that took longer than so many times what is usual counts as one that did: a machine that stalls once is not a busy one. */
const MOST_AT_ONCE = 4;
/** Without runs, what is above 1 falls to a third in this time. */
const FORGET_MS = 5000;

export class LoadMeter {
  /** Shortest time so far of each slice of each network; milliseconds. */
  readonly #bestMs = new WeakMap<object, Map<string, number>>();
  #factor = 1;
  #observedAtMs = 0;

  /** @param network tells slices of one network from those of another */
  observe(network: object, { slices, queueMs }: Pick<ComputeTimes, "slices" | "queueMs">, nowMs: number): void {
    let [measuredMs, bestMs] = [queueMs, 0];
    let known = this.#bestMs.get(network);
    if (!known) {
      known = new Map();
      this.#bestMs.set(network, known);
    }
    for (const { from, to, ms } of slices) {
      const slice = `${from} ${to}`;
      const before = known.get(slice) ?? Number.POSITIVE_INFINITY;
      if (ms < before) known.set(slice, ms);
      const best = Math.min(ms, before);
      measuredMs += ms;
      bestMs += best;
    }
    if (!(bestMs > 0)) return;
    const before = this.at(nowMs);
    const ratio = Math.min(measuredMs / bestMs, MOST_AT_ONCE * before);
    this.#factor = before + WEIGHT * (ratio - before);
    this.#observedAtMs = nowMs;
  }

  /** At least 1, which is idle. */
  at(nowMs: number): number {
    return 1 + (this.#factor - 1) * Math.exp((this.#observedAtMs - nowMs) / FORGET_MS);
  }
}
