// A session on the GPU that outlives it: when the device is lost (driver reset, sleep, another tab) or computes nonsense, a session
// elsewhere takes over. A result that was under way is computed again, never trusted: a lost device reads as zeros.

import type { Tensor } from "../tensor.ts";
import { agree, isBlank } from "./compare-results.ts";
import type { Session, Tensors } from "./runtime.ts";

export interface GpuHealth {
  /** Settles, with why, when the device is lost or not to be trusted. */
  readonly lost: Promise<string>;
  /** Settles `lost`, for all sessions. */
  distrust(reason: string): void;
  /** Makes the same session on the processor, to check a result. */
  onProcessor(): Promise<Session>;
  /** Makes the session that takes over. */
  replace(reason: string): Promise<Session>;
}

export class GpuSession implements Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #gpu: Session;
  readonly #health: GpuHealth;
  readonly #replacement: Promise<Session>;
  /** Has it once computed what the processor does? */
  #isProven = false;
  #isLost = false;
  #released = false;

  constructor(gpu: Session, health: GpuHealth) {
    this.#gpu = gpu;
    this.#health = health;
    this.inputNames = gpu.inputNames;
    this.outputNames = gpu.outputNames;
    this.#replacement = health.lost.then((reason) => {
      this.#isLost = true;
      return health.replace(reason);
    });
    // Told to whoever runs next.
    this.#replacement.catch(() => undefined);
  }

  async run(feeds: Tensors, fetches: readonly string[] = this.outputNames): Promise<Record<string, Tensor>> {
    if (!this.#isLost) {
      const onGpu = this.#gpu.run(feeds, fetches);
      // A lost device may also never answer.
      const first = await Promise.race([onGpu.catch(() => undefined), this.#replacement.then(() => undefined)]);
      await nextTask();
      if (!this.#isLost) return await this.#checked(first ?? (await onGpu), feeds, fetches);
    }
    return await (await this.#replacement).run(feeds, fetches);
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    if (this.#isLost) await (await this.#replacement).release();
    else await this.#gpu.release();
  }

  /** The first result, and whatever looks like that of a dead device, must be the processor's. */
  async #checked(
    results: Record<string, Tensor>,
    feeds: Tensors,
    fetches: readonly string[],
  ): Promise<Record<string, Tensor>> {
    if (this.#isProven && !isBlank(results)) return results;
    const processor = await this.#health.onProcessor();
    try {
      const expected = await processor.run(feeds, fetches);
      if (!agree(results, expected)) {
        this.#health.distrust("The GPU computes something else than the processor");
        return expected;
      }
      this.#isProven = true;
      return results;
    } finally {
      await processor.release();
    }
  }
}

/** The news of the loss is a task of its own, behind that of the result. */
function nextTask(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
