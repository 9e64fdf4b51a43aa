// One direction of an emulated link: a queue in front of a LinkModel, which delivers when it is asked at the right time.
// Whoever owns it has the clock (link-emulator.ts, or a test).

import type { Rng } from "../random.ts";
import { type LaneShape, LinkModel } from "./link-model.ts";

/** A connection; what it sent can be taken back when it breaks. */
export type Owner = object;

interface Waiting<T> {
  readonly owner: Owner;
  readonly enteredMs: number;
  readonly bytes: number;
  readonly item: T;
}

interface Traveling<T> {
  readonly owner: Owner;
  readonly arrivesMs: number;
  readonly item: T;
}

/**
 * How far ahead of the clock the model is asked. Timers are late by a millisecond or two: what leaves meanwhile must not
 * wait for them. A change of the link takes effect this late.
 */
const AHEAD_MS = 5;

export class Lane<T> {
  readonly #model: LinkModel;
  #waiting: Waiting<T>[] = [];
  #traveling: Traveling<T>[] = [];
  #queuedBytes = 0;
  #frozen = false;

  constructor(shape: LaneShape, rng: Rng) {
    this.#model = new LinkModel(shape, rng);
  }

  /** Bytes that have not begun to leave. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get shape(): LaneShape {
    return this.#model.shape;
  }

  reshape(shape: LaneShape): void {
    this.#model.reshape(shape);
  }

  enter(nowMs: number, owner: Owner, bytes: number, item: T): void {
    this.#waiting.push({ owner, enteredMs: nowMs, bytes, item });
    this.#queuedBytes += bytes;
  }

  /** Takes out, in order, what has arrived by now. */
  take(nowMs: number): T[] {
    if (this.#frozen) return [];
    this.#admit(nowMs);
    const count = this.#traveling.findIndex(({ arrivesMs }) => arrivesMs > nowMs);
    const arrived = this.#traveling.splice(0, count < 0 ? this.#traveling.length : count);
    return arrived.map(({ item }) => item);
  }

  /** When to ask again; Infinity while nothing is under way. */
  get nextMs(): number {
    if (this.#frozen) return Infinity;
    const arrival = this.#traveling[0]?.arrivesMs ?? Infinity;
    return this.#waiting.length > 0 ? Math.min(arrival, this.#model.freeMs - AHEAD_MS) : arrival;
  }

  /** Is the next to arrive the last of all? Then somebody may be waiting for just that. */
  get isTail(): boolean {
    return this.#traveling.length <= 1 && this.#waiting.length === 0;
  }

  /** From now on nothing leaves and nothing arrives. */
  freeze(): void {
    this.#frozen = true;
  }

  /** What should have arrived meanwhile does so now; the rest goes on. */
  thaw(nowMs: number): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    this.#model.holdUntil(nowMs);
  }

  /** Forgets what this connection sent. */
  drop(owner: Owner): void {
    this.#waiting = this.#waiting.filter((one) => one.owner !== owner);
    this.#traveling = this.#traveling.filter((one) => one.owner !== owner);
    this.#queuedBytes = this.#waiting.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #admit(nowMs: number): void {
    let count = 0;
    for (const { owner, enteredMs, bytes, item } of this.#waiting) {
      if (this.#model.freeMs > nowMs + AHEAD_MS) break;
      const { arrivesMs } = this.#model.pass(enteredMs, bytes);
      this.#traveling.push({ owner, arrivesMs, item });
      this.#queuedBytes -= bytes;
      count++;
    }
    this.#waiting.splice(0, count);
  }
}
