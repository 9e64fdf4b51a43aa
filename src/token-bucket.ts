// How much of something may be had in a time: a bucket that fills at a steady rate, and out of which one takes. Pure: the time
// comes in as an argument.

/** @example const bucket = new TokenBucket(10, 20, clock.now()); if (bucket.take(1, clock.now()) > 0) refuse(); */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #capacity: number;
  #level: number;
  #atMs: number;

  /** @param capacity what may be had at once after a time without any; the bucket is full at first */
  constructor(perSecond: number, capacity: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#capacity = capacity;
    this.#level = capacity;
    this.#atMs = nowMs;
  }

  /**
   * Takes all of it or nothing. More than the bucket holds can be had when it is full, and has to be made up for afterwards.
   *
   * @returns 0 when it was taken, otherwise the milliseconds until it can be
   */
  take(amount: number, nowMs: number): number {
    const missing = Math.min(amount, this.#capacity) - this.levelAt(nowMs);
    // a rounding error is no reason to wait
    if (missing > 1e-9) return (1000 * missing) / this.#perSecond;
    this.#level -= amount;
    return 0;
  }

  /** For what has happened already: the level may fall below zero. */
  spend(amount: number, nowMs: number): void {
    this.levelAt(nowMs);
    this.#level -= amount;
  }

  levelAt(nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    this.#level = Math.min(this.#capacity, this.#level + (this.#perSecond * elapsedMs) / 1000);
    this.#atMs = Math.max(this.#atMs, nowMs);
    return this.#level;
  }

  /** Is it as if it had never been used? */
  isFull(nowMs: number): boolean {
    return this.levelAt(nowMs) >= this.#capacity;
  }
}
