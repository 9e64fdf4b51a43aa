// A slower device, emulated: after every piece of work the worker sleeps for as long as the work would have taken longer, and
// the times that are reported contain the sleep. How long work really takes is the lower quartile of the last times that the
// same work was done: what else happens on this machine, and caches that slept along, only add, and must not be multiplied.

/** A sleep that was too long is made up for by the next, but no more than this: a laptop lid was closed for longer. */
const MAX_DEBT_MS = 20;
/** So many times of each kind of work are remembered. */
const MEMORY = 15;

export interface SlowdownOptions {
  readonly now: () => number;
  /** Sleeps about as long; by how much it errs is measured and made good. */
  readonly sleep: (ms: number) => void | Promise<void>;
}

export class Slowdown {
  readonly #options: SlowdownOptions;
  #factor = 1;
  /** Slept too long so far, ms; negative: too short. */
  #debtMs = 0;
  readonly #lastMs = new Map<string, number[]>();

  constructor(options: SlowdownOptions) {
    this.#options = options;
  }

  /** How many times as long everything takes. @throws {RangeError} unless it is finite and at least 1 */
  set factor(factor: number) {
    checkSlowdown(factor);
    this.#factor = factor;
  }

  /** Sleeps after work that took `ms`; `work` tells pieces apart that take different times. */
  async after(ms: number, work: string): Promise<void> {
    const last = this.#remember(ms, work);
    if (this.#factor === 1) return;
    const usualMs = [...last].sort((a, b) => a - b)[(last.length - 1) >> 2]!;
    const { now, sleep } = this.#options;
    const dueMs = Math.max(0, this.#factor * usualMs - ms) - this.#debtMs;
    const from = now();
    if (dueMs > 0) await sleep(dueMs);
    const errorMs = now() - from - dueMs;
    this.#debtMs = Math.max(-MAX_DEBT_MS, Math.min(MAX_DEBT_MS, errorMs));
  }

  #remember(ms: number, work: string): readonly number[] {
    const last = this.#lastMs.get(work) ?? [];
    this.#lastMs.set(work, last);
    last.push(ms);
    if (last.length > MEMORY) last.shift();
    return last;
  }
}

/** @throws {RangeError} unless it is finite and at least 1 */
export function checkSlowdown(factor: number): void {
  if (factor >= 1 && factor < Number.POSITIVE_INFINITY) return;
  throw new RangeError(`A slowdown must be finite and at least 1, not ${factor}`);
}
