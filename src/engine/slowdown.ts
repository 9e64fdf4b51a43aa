// A slower device, emulated honestly: after every piece of work the worker sleeps for as long as the work would have taken
// longer. Nothing is skipped or estimated, and the times that are reported contain the sleep.

/** A sleep that was too long is made up for by the next, but no more than this: a laptop lid was closed for longer. */
const MAX_DEBT_MS = 20;

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

  constructor(options: SlowdownOptions) {
    this.#options = options;
  }

  /** How many times as long everything takes. @throws {RangeError} unless it is finite and at least 1 */
  set factor(factor: number) {
    checkSlowdown(factor);
    this.#factor = factor;
  }

  /** Sleeps after work that took `ms`. */
  async after(ms: number): Promise<void> {
    if (this.#factor === 1) return;
    const { now, sleep } = this.#options;
    const dueMs = (this.#factor - 1) * ms - this.#debtMs;
    const from = now();
    if (dueMs > 0) await sleep(dueMs);
    const errorMs = now() - from - dueMs;
    this.#debtMs = Math.max(-MAX_DEBT_MS, Math.min(MAX_DEBT_MS, errorMs));
  }
}

/** @throws {RangeError} unless it is finite and at least 1 */
export function checkSlowdown(factor: number): void {
  if (factor >= 1 && factor < Number.POSITIVE_INFINITY) return;
  throw new RangeError(`A slowdown must be finite and at least 1, not ${factor}`);
}
