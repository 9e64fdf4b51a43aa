// How long tasks take in a worker, by where they start: for shares between clients, and for whether there is time enough to begin.

import type { WorkTimes } from "./run-task.ts";

/** So many of the last tasks are remembered, of each start. */
const MEMORY = 16;
/** With fewer nobody is turned away. */
const ENOUGH = 8;
/** Of the remembered ones, this share was at most as long. */
const QUANTILE = 0.9;
/** Weight of a task in the moving average of work. */
const WEIGHT = 0.1;

interface Kind {
  workMs: number;
  readonly stayedMs: number[];
}

export class ServiceTimes {
  readonly #kinds = new Map<string, Kind>();

  /**
   * @param from the cut that the task started at
   * @param stayedMs from being handed to a worker until the answer
   */
  observe(from: string, { slices, unpackMs }: Pick<WorkTimes, "slices" | "unpackMs">, stayedMs: number): void {
    const workMs = slices.reduce((sum, { ms, batch = 1 }) => sum + ms / batch, unpackMs);
    const kind = this.#kinds.get(from) ?? { workMs, stayedMs: [] };
    this.#kinds.set(from, kind);
    kind.workMs += WEIGHT * (workMs - kind.workMs);
    remember(kind, stayedMs);
  }

  /** It came too late, or would have: without these, only those who were quick would be remembered. */
  missed(from: string, stayedMs: number): void {
    const kind = this.#kinds.get(from);
    if (kind) remember(kind, stayedMs);
  }

  /** A worker's own time for such a task, its share of what it did for several. Milliseconds, positive; a guess at first. */
  workMs(from: string): number {
    return Math.max(this.#kinds.get(from)?.workMs ?? 1, 1e-3);
  }

  /** From being handed to a worker until the answer, mostly; 0 as long as nobody knows. Milliseconds. */
  stayMs(from: string): number {
    const stayedMs = this.#kinds.get(from)?.stayedMs ?? [];
    return stayedMs.length < ENOUGH ? 0 : mostly(stayedMs);
  }

  /**
   * Is there hardly a chance that such a task is done in time? Asked of one that could begin now. Each no makes the next
   * less likely: times are only learnt from those who begin.
   */
  isTooLate(from: string, leftMs: number): boolean {
    if (leftMs <= 0) return true;
    const stayedMs = this.#kinds.get(from)?.stayedMs;
    if (!stayedMs || stayedMs.length < ENOUGH || leftMs === Number.POSITIVE_INFINITY) return false;
    if (leftMs >= mostly(stayedMs)) return false;
    stayedMs.splice(stayedMs.indexOf(Math.max(...stayedMs)), 1);
    return true;
  }
}

function remember({ stayedMs }: Kind, ms: number): void {
  stayedMs.push(ms);
  if (stayedMs.length > MEMORY) stayedMs.shift();
}

/** @param times at least one */
function mostly(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(QUANTILE * (times.length - 1))]!;
}
