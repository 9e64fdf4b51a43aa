// A device whose run was refused because the server is full keeps to itself for a while, the longer the more often it was refused: a
// run that will be refused costs the device its link, and the server the time of those that it could answer.

import type { Rng } from "../random.ts";
import type { RefuseCode } from "../wire/message.ts";
import { backoffMs } from "./device-backoff.ts";

/** Refusals that the same run would meet again now, but not a little later. */
const passing: ReadonlySet<RefuseCode> = new Set(["busy", "rate-limited"]);
const PAUSES = { firstMs: 20, mostMs: 1000 };
/** More of them in a row make no pause longer. */
const MOST_FAILURES = 6;

export class BusyPause {
  readonly #rng: Rng;
  #failures = 0;
  #sinceMs = Number.NEGATIVE_INFINITY;
  #untilMs = Number.NEGATIVE_INFINITY;
  #code: RefuseCode = "busy";

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  /** @param sentAtMs of the run: what was under way when the pause began says nothing new */
  refused(code: RefuseCode, sentAtMs: number, nowMs: number): void {
    if (!passing.has(code) || sentAtMs < this.#sinceMs) return;
    this.#code = code;
    this.#sinceMs = nowMs;
    this.#untilMs = nowMs + backoffMs(this.#failures, PAUSES, this.#rng);
    this.#failures = Math.min(MOST_FAILURES, this.#failures + 1);
  }

  /** A run was answered. */
  answered(): void {
    this.#failures = Math.max(0, this.#failures - 0.5);
  }

  /** @returns why nothing should be sent now, as the server said; undefined when something may be */
  at(nowMs: number): RefuseCode | undefined {
    return nowMs < this.#untilMs ? this.#code : undefined;
  }
}
