// A session on the GPU that outlives it: when the device is lost (driver reset, sleep, another tab), a session elsewhere
// takes over. A result that was under way is computed again, never trusted: a lost device reads as zeros.

import type { Tensor } from "../tensor.ts";
import type { Session, Tensors } from "./runtime.ts";

export interface GpuLoss {
  /** Settles, with why, when the device is lost. */
  readonly lost: Promise<string>;
  /** Makes the session that takes over. */
  replace(reason: string): Promise<Session>;
}

export class GpuSession implements Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #gpu: Session;
  readonly #replacement: Promise<Session>;
  #isLost = false;
  #released = false;

  constructor(gpu: Session, { lost, replace }: GpuLoss) {
    this.#gpu = gpu;
    this.inputNames = gpu.inputNames;
    this.outputNames = gpu.outputNames;
    this.#replacement = lost.then((reason) => {
      this.#isLost = true;
      return replace(reason);
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
      if (!this.#isLost) return first ?? (await onGpu);
    }
    return await (await this.#replacement).run(feeds, fetches);
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    if (this.#isLost) await (await this.#replacement).release();
    else await this.#gpu.release();
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
