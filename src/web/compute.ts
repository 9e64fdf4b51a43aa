// `Compute` in a page: the network runs in a web worker, so that the page stays free.

import { type ComputePool, openPool, type PoolOptions } from "../engine/compute-pool.ts";
import type { LinkEvents, WorkerLink } from "../engine/worker-slot.ts";
import type { OrtWebOptions } from "../runtime/ort-web.ts";
import type { FromWorker, ToWorker, WebRuntime } from "./worker-protocol.ts";

export interface WebComputeOptions extends Omit<PoolOptions, "workers"> {
  /** A model file; copied. */
  readonly model: Uint8Array;
  /** What computes. `assets` is where onnxruntime-web's files are. */
  readonly runtime: OrtWebOptions;
  /** Told what it is that computes: at first, and when that changes (a GPU that was lost). */
  readonly onRuntime?: (runtime: WebRuntime) => void;
}

/**
 * Starts the worker and waits until it has opened the network.
 *
 * @throws {SpinnError} Runtime when the browser cannot run it; InvalidModel, UnsupportedModel
 */
export async function openWebCompute(options: WebComputeOptions): Promise<ComputePool> {
  const { model, runtime, onRuntime = () => undefined, ...pool } = options;
  const { onFallback = () => undefined, ...settings } = runtime;
  const assets = new URL(runtime.assets, globalThis.location.href).href;
  const spawn = (events: LinkEvents): WorkerLink => {
    const worker = new Worker(new URL("./compute-worker.js", import.meta.url), { type: "module" });
    const post = (message: ToWorker, transfer: Transferable[] = []): void => worker.postMessage(message, transfer);
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === "runtime") onRuntime({ provider: data.provider, threads: data.threads });
      else if (data.kind === "fallback") onFallback(data.reason);
      else events.reply(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      worker.terminate();
      events.ended(`The computing thread ended: ${event.message || "its code cannot be loaded"}`);
    };
    post({ kind: "setup", model, runtime: { ...settings, assets } });
    return {
      post,
      hold: () => undefined, // a page lives as long as its tab
      async end() {
        worker.terminate();
      },
    };
  };
  return await openPool(spawn, pool);
}
