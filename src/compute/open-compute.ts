// `Compute` in Node: a pool of worker threads, each with its own sessions, since the runtime's run() blocks its thread. Two
// workers of one thread each do more than one of two.

import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { cacheRoot } from "../data/cache.ts";
import { type ComputePool, openPool, type PoolOptions } from "../engine/compute-pool.ts";
import type { ComputeReply, ComputeRequest } from "../engine/compute-protocol.ts";
import type { LinkEvents, WorkerLink } from "../engine/worker-slot.ts";
import { messageOf } from "../errors.ts";
import { encodeModel } from "../onnx/codec.ts";
import type { ModelProto } from "../onnx/proto.ts";
import { packError } from "../portable-error.ts";
import { workerUrl } from "../worker-url.ts";
import type { ComputeSetup } from "./compute-setup.ts";
import { outbox } from "./outbox.ts";
import { giveThreadsHeap } from "./thread-heap.ts";

export interface ComputeOptions extends PoolOptions {
  /** A progressive model or any classifier: the path of a file, its bytes, or what was read from one. */
  readonly model: string | Uint8Array | ModelProto;
  /** Threads inside one operator. @default 1 (more fight with whatever else runs on the machine) */
  readonly threads?: number;
  /** Of ONNX Runtime, in order of preference. @default ["cpu"] */
  readonly executionProviders?: readonly string[];
  /** Keeps what the runtime has made of the network, for the next start. @default `slices` in the cache (`cacheRoot`) */
  readonly cacheFolder?: string;
  /**
   * Tasks of any client and any cut go through the network together, as far as that is measured to pay: for servers. What
   * hands over on the way goes alone. @default false
   */
  readonly batching?: boolean;
  /** Encoded images with more pixels are refused before they are decoded. @default 2^25, three times a phone's photo */
  readonly maxImagePixels?: number;
}

/**
 * Starts the workers and waits until each has opened the network. While tasks are pending the pool keeps the process alive,
 * otherwise not. A worker that ends for want of memory or by an error that nobody caught is started again, a few times; a
 * crash in native code takes the process along.
 *
 * @throws {RangeError} for options that make no sense
 * @throws {SpinnError} FileAccess, InvalidModel, UnsupportedModel, Runtime: the network cannot be opened
 * @example
 * const compute = await openCompute({ model: "resnet56.spinn.onnx", workers: 2 });
 * const outcome = await compute.start({ start: { kind: "input", values }, cut: "none", thresholds: [0.8, 0.8, 0.8] });
 */
export async function openCompute(options: ComputeOptions): Promise<ComputePool> {
  const { model, threads = 1, executionProviders = ["cpu"], maxImagePixels = 2 ** 25, ...pool } = options;
  const { cacheFolder = join(cacheRoot(), "slices"), batching = false } = options;
  if (!(Number.isInteger(threads) && threads > 0)) throw new RangeError(`A session cannot have ${threads} threads`);
  if (!(maxImagePixels > 0)) throw new RangeError(`An image cannot have ${maxImagePixels} pixels`);
  const setup: ComputeSetup = {
    model: typeof model === "string" || model instanceof Uint8Array ? model : encodeModel(model),
    session: { threads, executionProviders },
    cacheFolder,
    maxImagePixels,
    batching,
  };
  return await openPool((events) => startThread(setup, events), pool);
}

function startThread(setup: ComputeSetup, events: LinkEvents): WorkerLink {
  const url = workerUrl("./compute-worker.ts", import.meta.url);
  giveThreadsHeap();
  // none of the process's own flags: with some, --input-type for one, no worker starts
  const thread = new Worker(url, { workerData: setup, execArgv: [] });
  let reason: string | undefined;
  thread.on("message", (replies: readonly ComputeReply[]) => {
    for (const reply of replies) events.reply(reply);
  });
  thread.on("error", (error) => {
    reason = messageOf(error);
  });
  thread.on("exit", (status) => events.ended(`A compute worker ended: ${reason ?? `exit status ${status}`}`));
  return {
    post: outbox<ComputeRequest>(
      (requests, transfer) => thread.postMessage(requests, transfer),
      (request, error) => {
        if ("id" in request) events.reply({ kind: "failed", id: request.id, error: packError(error) });
      },
    ),
    hold: (alive) => (alive ? thread.ref() : thread.unref()),
    end: async () => {
      await thread.terminate();
    },
  };
}
