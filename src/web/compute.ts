// `Compute` in a page: the network runs in a web worker, and images become its input there, so that the page stays free.

import { type ComputePool, openPool, type PoolOptions } from "../engine/compute-pool.ts";
import type { LinkEvents, WorkerLink } from "../engine/worker-slot.ts";
import { SpinnError } from "../errors.ts";
import { unpackError } from "../portable-error.ts";
import type { OrtWebOptions } from "../runtime/ort-web.ts";
import type { ImageSource } from "./image-source.ts";
import type { FromWorker, ToWorker, WebModel, WebRuntime } from "./worker-protocol.ts";

export interface WebComputeOptions extends Omit<PoolOptions, "workers"> {
  /** A model file, which is copied, or the URL of the folder where a server serves a network in slices. */
  readonly model: WebModel;
  /** For a server that asks who downloads them. */
  readonly token?: string;
  /** What computes, and where onnxruntime-web's files are. @default WebGPU if there is one, else WebAssembly */
  readonly runtime?: OrtWebOptions;
  /** Told what it is that computes: at first, and when that changes (a GPU that was lost). */
  readonly onRuntime?: (runtime: WebRuntime) => void;
  /** Of a network in slices: told of each cut that can be reached now; the last one is `none`. */
  readonly onArrived?: (cut: string) => void;
}

export interface WebCompute {
  readonly compute: ComputePool;
  /**
   * What the network takes, [1, C, H, W]. A bitmap is gone afterwards.
   *
   * @throws {SpinnError} InvalidData for what cannot be decoded, UnsupportedModel when the model does not say how it reads images,
   *   Runtime when the worker ended, Aborted when computing was closed
   */
  prepareImage(source: ImageSource): Promise<Float32Array>;
}

/**
 * Starts the worker and waits until it has opened the network.
 *
 * @throws {SpinnError} Runtime when the browser cannot run it; InvalidModel, UnsupportedModel
 */
export async function openWebCompute(options: WebComputeOptions): Promise<WebCompute> {
  const { model, token, runtime = {}, onRuntime = () => undefined, onArrived = () => undefined, ...pool } = options;
  const { onFallback = () => undefined, ...settings } = runtime;
  // relative to the page, not to the worker
  const assets = settings.assets && { assets: new URL(settings.assets, globalThis.location.href).href };
  const images = new Images();
  const spawn = (events: LinkEvents): WorkerLink => {
    const worker = new Worker(new URL("./compute-worker.js", import.meta.url), { type: "module" });
    const post = (message: ToWorker, transfer: Transferable[] = []): void => worker.postMessage(message, transfer);
    const end = (error: SpinnError): void => {
      worker.terminate();
      images.end(error);
    };
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === "runtime") onRuntime({ provider: data.provider, threads: data.threads });
      else if (data.kind === "fallback") onFallback(data.reason);
      else if (data.kind === "arrived") onArrived(data.cut);
      else if (data.kind === "image" || data.kind === "no-image") images.take(data);
      else events.reply(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      const reason = `The computing thread ended: ${event.message || "its code cannot be loaded"}`;
      end(new SpinnError("Runtime", reason));
      events.ended(reason);
    };
    images.post = post;
    post({ kind: "setup", model, ...(token !== undefined && { token }), runtime: { ...settings, ...assets } });
    return {
      post,
      hold: () => undefined, // a page lives as long as its tab
      end: async () => end(new SpinnError("Aborted", "Computing has been closed")),
    };
  };
  const compute = await openPool(spawn, pool);
  return { compute, prepareImage: (source) => images.prepare(source) };
}

/** Images that are with the worker. */
class Images {
  /** Of the worker that lives. */
  post: (message: ToWorker, transfer?: Transferable[]) => void = () => undefined;
  readonly #waiting = new Map<number, { resolve(values: Float32Array): void; reject(error: Error): void }>();
  #lastId = 0;

  prepare(source: ImageSource): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#waiting.set(id, { resolve, reject });
      this.post({ kind: "image", id, source }, source instanceof ImageBitmap ? [source] : []);
    });
  }

  take(reply: FromWorker & { kind: "image" | "no-image" }): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.kind === "image") waiting?.resolve(reply.values);
    else waiting?.reject(unpackError(reply.error));
  }

  end(error: SpinnError): void {
    this.post = () => this.end(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
