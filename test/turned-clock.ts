// A clock that stands still until a test turns it.

import type { Clock } from "../src/engine/index.ts";

export class TurnedClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ readonly dueMs: number; run(): void }>();

  now(): number {
    return this.#nowMs;
  }

  /** Timers that have not run yet. */
  get pending(): number {
    return this.#timers.size;
  }

  setTimer(run: () => void, delayMs: number): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Goes forward, stopping at each timer on the way. */
  turn(ms: number): void {
    const end = this.#nowMs + ms;
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs);
      if (!next || next.dueMs > end) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
    }
    this.#nowMs = end;
  }
}
