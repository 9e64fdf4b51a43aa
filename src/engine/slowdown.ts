// A slower device, emulated: after every piece of work the worker sleeps for as long as the work would have taken longer, and
// the times that are reported contain the sleep. A device that sleeps finds cold caches, which a slow one that works all the time
// does not, and the machine does other things, too: neither may be multiplied. So a piece of work is now and then done several
// times in a row, and how long it takes is the lower quartile of those times.

/** A sleep that was too long is made up for by the next, but no more than this: a laptop lid was closed for longer. */
const MAX_DEBT_MS = 20;
/** So many times of each kind of work are remembered. */
const MEMORY = 15;
/** How often work is done again in a row, … */
const REPEATS = 3;
/** … the first times that it is asked for, and every so many times later: … */
const INTRODUCTION = 3;
const REFRESH = 16;
/** … within this part of the time that the slower device would take. */
const REPEAT_SHARE = 0.5;

export interface SlowdownOptions {
  readonly now: () => number;
  /** Sleeps about as long; by how much it errs is measured and made good. */
  readonly sleep: (ms: number) => void | Promise<void>;
}

interface Known {
  /** How often the work was asked for. */
  asked: number;
  /** How long it took. */
  readonly lastMs: number[];
  /** Were these times in a row, with warm caches? */
  isWarm: boolean;
}

export class Slowdown {
  readonly #options: SlowdownOptions;
  #factor = 1;
  /** Slept too long so far, ms; negative: too short. */
  #debtMs = 0;
  readonly #known = new Map<string, Known>();

  constructor(options: SlowdownOptions) {
    this.#options = options;
  }

  /** How many times as long everything takes. @throws {RangeError} unless it is finite and at least 1 */
  set factor(factor: number) {
    checkSlowdown(factor);
    this.#factor = factor;
  }

  /**
   * Does a piece of work and tells how long it took, sleep included.
   *
   * @param what tells pieces apart that take different times
   * @param isRepeatable may it be done several times? The first result counts
   */
  async perform<T>(
    what: string,
    work: () => T | Promise<T>,
    { isRepeatable = true }: { readonly isRepeatable?: boolean } = {},
  ): Promise<{ value: T; ms: number }> {
    const { now, sleep } = this.#options;
    const from = now();
    const value = await work();
    const firstMs = now() - from;
    if (this.#factor === 1) return { value, ms: firstMs };
    const known = this.#known.get(what) ?? { asked: 0, lastMs: [], isWarm: false };
    this.#known.set(what, known);
    const isDue = known.asked < INTRODUCTION || known.asked % REFRESH === 0;
    known.asked++;
    if (isRepeatable && isDue) await this.#repeat(known, work, firstMs);
    if (!known.isWarm) remember(known, firstMs);
    const usualMs = [...known.lastMs].sort((a, b) => a - b)[(known.lastMs.length - 1) >> 2]!;
    const sleepFrom = now();
    const dueMs = Math.max(0, this.#factor * usualMs - (sleepFrom - from)) - this.#debtMs;
    if (dueMs > 0) await sleep(dueMs);
    const errorMs = now() - sleepFrom - dueMs;
    this.#debtMs = Math.max(-MAX_DEBT_MS, Math.min(MAX_DEBT_MS, errorMs));
    return { value, ms: now() - from };
  }

  async #repeat(known: Known, work: () => unknown, firstMs: number): Promise<void> {
    const { now } = this.#options;
    const from = now();
    let leastMs = firstMs;
    for (let k = 0; k < REPEATS; k++) {
      const startMs = now();
      if (startMs - from + firstMs + leastMs > REPEAT_SHARE * this.#factor * leastMs) return;
      await work();
      const ms = now() - startMs;
      if (!known.isWarm) known.lastMs.length = 0;
      known.isWarm = true;
      remember(known, ms);
      leastMs = Math.min(leastMs, ms);
    }
  }
}

function remember({ lastMs }: Known, ms: number): void {
  lastMs.push(ms);
  if (lastMs.length > MEMORY) lastMs.shift();
}

/** @throws {RangeError} unless it is finite and at least 1 */
export function checkSlowdown(factor: number): void {
  if (factor >= 1 && factor < Number.POSITIVE_INFINITY) return;
  throw new RangeError(`A slowdown must be finite and at least 1, not ${factor}`);
}
