// What a prefetcher and its thread say to each other. Memory for images goes to and fro by transfer, never copied.

import type { PortableError } from "../portable-error.ts";
import type { Batch, BatchLoaderOptions } from "./batch-loader.ts";
import type { SharedDataset } from "./dataset.ts";

/** The thread's `workerData`. */
export interface PrefetchSetup {
  dataset: SharedDataset;
  options: BatchLoaderOptions;
}

/** Room for the images of a whole batch. */
export type BatchMemory = Float32Array<ArrayBuffer>;

export type PrefetchRequest =
  /** Computes a batch into `memory`; answered in the order of asking. */
  | { kind: "fill"; id: number; epoch: number; step: number; memory: BatchMemory }
  /** Ends the thread, whatever has been asked for. */
  | { kind: "close" };

export type PrefetchReply =
  /** `batch.images` is a view of `memory`. */
  | { kind: "filled"; id: number; memory: BatchMemory; batch: Batch }
  | { kind: "failed"; id: number; memory: BatchMemory; error: PortableError };
