// Batches computed ahead of time in another thread, bit for bit those of the batch loader.

import { Worker } from "node:worker_threads";
import { SpinnError } from "../errors.ts";
import { unpackError } from "../portable-error.ts";
import { workerUrl } from "../worker-url.ts";
import { type Batch, type BatchLoaderOptions, type BatchSource, createBatchLoader } from "./batch-loader.ts";
import type { Dataset } from "./dataset.ts";
import type { BatchMemory, PrefetchReply, PrefetchRequest, PrefetchSetup } from "./prefetch-protocol.ts";

export interface PrefetchOptions {
  /** Batches that may be ready or under way while the caller works on one; bounds the memory. @default 3 */
  ahead?: number;
}

/**
 * As `createBatchLoader(dataset, options)`, with a thread of its own that stays `ahead` batches before the caller. One
 * epoch at a time: read it to its end or leave the loop before the next. A batch's memory goes back to the thread
 * when the next batch is asked for, and `images` may be empty from then on.
 *
 * @throws {TypeError} when the data set cannot be read in another thread
 * @throws {RangeError} as `createBatchLoader()`
 * @throws {SpinnError} FileAccess when the project runs from sources and has not been built
 */
export function prefetch(
  dataset: Dataset,
  options: BatchLoaderOptions,
  { ahead = 3 }: PrefetchOptions = {},
): BatchSource {
  if (!dataset.share) throw new TypeError(`${dataset.name} cannot be read in another thread`);
  if (!(Number.isInteger(ahead) && ahead > 0)) throw new RangeError(`Cannot stay ${ahead} batches ahead`);
  // checks the options here rather than in the thread
  const { batchSize, stepsPerEpoch } = createBatchLoader(dataset, options);
  const { channels, height, width } = options.preprocessing;
  const thread = new FillThread({ dataset: dataset.share(), options });
  // those ahead, and the one that the caller works on
  const slots = Math.min(ahead + 1, stepsPerEpoch);
  const free = Array.from({ length: slots }, () => new Float32Array(batchSize * channels * height * width));

  async function* epochOf(epoch: number, firstStep = 0): AsyncGenerator<Batch, undefined, undefined> {
    thread.check();
    if (free.length < slots) throw new TypeError("The epoch before is still being read: leave its loop first");
    const underWay: Promise<PrefetchReply>[] = [];
    let nextStep = firstStep;
    const ask = () => {
      for (; free.length > 0 && nextStep < stepsPerEpoch; nextStep++)
        underWay.push(thread.fill(epoch, nextStep, free.pop()!));
    };
    let lent: BatchMemory | undefined;
    try {
      ask();
      for (let next = underWay.shift(); next; next = underWay.shift()) {
        const reply = await next;
        lent = reply.memory;
        if (reply.kind === "failed") throw unpackError(reply.error);
        yield reply.batch;
        free.push(lent);
        lent = undefined;
        ask();
      }
    } finally {
      // left early: what the thread has comes home before another epoch begins
      if (lent) free.push(lent);
      for (const result of await Promise.allSettled(underWay))
        if (result.status === "fulfilled") free.push(result.value.memory);
    }
  }

  return { batchSize, stepsPerEpoch, epoch: epochOf, close: () => thread.close() };
}

interface Waiting {
  resolve(reply: PrefetchReply): void;
  reject(error: Error): void;
}

/** The thread, asked by promises. They are rejected only when it has ended. */
class FillThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<void>;
  #lastId = 0;
  #end: Error | undefined;

  constructor(setup: PrefetchSetup) {
    this.#worker = new Worker(workerUrl("./prefetch-worker.ts", import.meta.url), {
      workerData: setup,
      execArgv: [],
    });
    // batches that nobody waits for do not keep the process alive
    this.#worker.unref();
    this.#worker.on("message", (reply: PrefetchReply) => {
      this.#waiting.get(reply.id)?.resolve(reply);
      this.#waiting.delete(reply.id);
      if (this.#waiting.size === 0) this.#worker.unref();
    });
    this.#worker.on("error", (error) => this.#stop(error));
    this.#ended = new Promise((resolve) => {
      this.#worker.on("exit", (status) => {
        this.#stop(new Error(`The thread that reads ahead ended with status ${status}`));
        resolve();
      });
    });
  }

  fill(epoch: number, step: number, memory: BatchMemory): Promise<PrefetchReply> {
    const id = ++this.#lastId;
    const reply = new Promise<PrefetchReply>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ kind: "fill", id, epoch, step, memory } satisfies PrefetchRequest, [memory.buffer]);
    });
    // a failure is met when its turn comes
    reply.catch(() => undefined);
    return reply;
  }

  /** @throws why the thread has ended, if it has */
  check(): void {
    if (this.#end) throw this.#end;
  }

  async close(): Promise<void> {
    this.#stop(new SpinnError("Aborted", "The batches were closed"));
    this.#worker.ref();
    this.#worker.postMessage({ kind: "close" } satisfies PrefetchRequest);
    await this.#ended;
  }

  #stop(reason: Error): void {
    this.#end ??= reason;
    for (const { reject } of this.#waiting.values()) reject(this.#end);
    this.#waiting.clear();
  }
}
