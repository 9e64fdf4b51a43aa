// A page that infers without end, as one with a camera does, and keeps a record of it.

import type { Pixels, WebClient } from "../../../src/web/index.ts";
import type { Looking, StreamAnswer } from "../lab.ts";

export class Stream implements Looking {
  readonly answers: StreamAnswer[] = [];
  readonly failures: string[] = [];
  readonly plans: string[] = [];
  readonly connections: boolean[] = [];
  readonly longTasksMs: number[] = [];
  readonly #ended: Promise<void>;
  readonly #observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) this.longTasksMs.push(duration);
  });
  #isStopped = false;

  constructor(client: WebClient, images: readonly Pixels[], deadlineMs: number) {
    client.on("plan", ({ plan }) => this.plans.push(plan.cut));
    client.on("connection", ({ connected }) => this.connections.push(connected));
    this.#observer.observe({ type: "longtask" });
    this.#ended = this.#run(client, images, deadlineMs);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#observer.disconnect();
    await this.#ended;
  }

  async #run(client: WebClient, images: readonly Pixels[], deadlineMs: number): Promise<void> {
    for (let i = 0; !this.#isStopped; i = (i + 1) % images.length) {
      try {
        const { source, fallbackReason, timings } = await client.infer(images[i]!, { deadlineMs });
        const { totalMs } = timings;
        this.answers.push({ source, totalMs, ...(fallbackReason !== undefined && { fallbackReason }) });
      } catch (error) {
        this.failures.push(String(error));
      }
    }
  }
}
