// The end of what HTTP clients have asked for: the engine looks after devices alone.

import { setTimeout as sleep } from "node:timers/promises";

const LOOK_AGAIN_MS = 20;

/** Resolves when nothing is pending any more, or after `graceMs`. */
export async function drained(pending: () => number, graceMs: number): Promise<void> {
  const untilMs = performance.now() + graceMs;
  while (pending() > 0 && performance.now() < untilMs) await sleep(LOOK_AGAIN_MS);
}
