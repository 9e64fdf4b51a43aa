// One direction of a link as arithmetic: what enters leaves one after the other at the link's rate, and arrives after the
// latency in the order in which it left. No clock and no sockets: times come in and go out.

import type { Rng } from "../random.ts";
import type { Capacity } from "./capacity.ts";

export interface LaneShape {
  readonly capacity: Capacity;
  /** One way. */
  readonly latencyMs: number;
  /** Up to this much more, evenly distributed. */
  readonly jitterMs: number;
}

export interface Passage {
  /** When its last bit has left the sender. */
  readonly leavesMs: number;
  /** When its last bit is there. */
  readonly arrivesMs: number;
}

export class LinkModel {
  #shape: LaneShape;
  readonly #rng: Rng;
  #freeMs = 0;
  #lastMs = 0;

  constructor(shape: LaneShape, rng: Rng) {
    this.#shape = shape;
    this.#rng = rng;
  }

  /** When everything that entered has left: the next to enter leaves from then on. */
  get freeMs(): number {
    return this.#freeMs;
  }

  get shape(): LaneShape {
    return this.#shape;
  }

  /** From now on; what has entered keeps its times. */
  reshape(shape: LaneShape): void {
    this.#shape = shape;
  }

  /** Nothing that enters later leaves before. */
  holdUntil(ms: number): void {
    this.#freeMs = Math.max(this.#freeMs, ms);
  }

  /** @param nowMs when it is there to be sent; of one that enters later not earlier */
  pass(nowMs: number, bytes: number): Passage {
    const { capacity, latencyMs, jitterMs } = this.#shape;
    const leavesMs = capacity.finishMs(Math.max(nowMs, this.#freeMs), bytes * 8);
    const late = jitterMs > 0 ? jitterMs * this.#rng() : 0;
    this.#freeMs = leavesMs;
    this.#lastMs = Math.max(this.#lastMs, leavesMs + latencyMs + late);
    return { leavesMs, arrivesMs: this.#lastMs };
  }
}
