// Half a second of runs, summed up.

import type { RunEvent } from "../../engine/cloud-events.ts";
import { percentile } from "../../percentile.ts";
import type { ConsolePoint, Spread } from "./console-snapshot.ts";

/** Times that are kept of an interval; of more, evenly spread ones. */
const MAX_TIMES = 1024;

/** What runs say of an interval; the rest of a point is how things stand at its end. */
export type Measured = Omit<ConsolePoint, "atMs" | "clients" | "queued" | "loadFactor">;

export class Interval {
  #answered = 0;
  #refused = 0;
  #receivedBytes = 0;
  #sentBytes = 0;
  #slices = 0;
  /** A batch of four is a quarter for each of its images. */
  #batches = 0;
  readonly #queueMs = new Sample();
  readonly #computeMs = new Sample();

  add({ receivedBytes, end }: RunEvent): void {
    this.#receivedBytes += receivedBytes;
    if (end.kind === "refused") this.#refused++;
    if (end.kind !== "answered") return;
    const { queueMs, slices } = end.times;
    this.#answered++;
    this.#sentBytes += end.sentBytes;
    this.#queueMs.add(queueMs);
    this.#computeMs.add(slices.reduce((sum, { ms }) => sum + ms, 0));
    for (const { batch = 1 } of slices) {
      this.#slices++;
      this.#batches += 1 / batch;
    }
  }

  /** @param seconds how long it was */
  measured(seconds: number): Measured {
    return {
      answeredPerSecond: this.#answered / seconds,
      refusedPerSecond: this.#refused / seconds,
      receivedBytesPerSecond: this.#receivedBytes / seconds,
      sentBytesPerSecond: this.#sentBytes / seconds,
      meanBatch: this.#batches > 0 ? this.#slices / this.#batches : null,
      queueMs: this.#queueMs.spread(),
      computeMs: this.#computeMs.spread(),
    };
  }
}

/** Some of many values. */
class Sample {
  #values: number[] = [];
  #seen = 0;
  #every = 1;

  add(value: number): void {
    if (this.#seen++ % this.#every === 0) this.#values.push(value);
    if (this.#values.length < MAX_TIMES) return;
    this.#values = this.#values.filter((_, i) => i % 2 === 0);
    this.#every *= 2;
  }

  spread(): Spread | null {
    if (this.#values.length === 0) return null;
    const sorted = this.#values.toSorted((a, b) => a - b);
    return { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95) };
  }
}
