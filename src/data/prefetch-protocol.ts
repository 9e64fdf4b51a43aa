// What a prefetcher and its thread say to each other. Memory for images goes to and fro by transfer, never copied.

import { type ErrorCode, isSpinnError, messageOf, SpinnError } from "../errors.ts";
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

/** An error as data: a {@link SpinnError} would lose its class on the way. */
export type PortableError =
  | { kind: "spinn"; code: ErrorCode; what: string; hint?: string; cause: string }
  | { kind: "other"; error: Error };

export function packError(error: unknown): PortableError {
  if (!isSpinnError(error))
    return { kind: "other", error: error instanceof Error ? error : new Error(messageOf(error)) };
  const { code, message, hint, cause } = error;
  // the message ends with the hint, which the constructor will add again
  const what = hint === undefined ? message : message.slice(0, -`. ${hint}`.length);
  return { kind: "spinn", code, what, ...(hint !== undefined && { hint }), cause: messageOf(cause ?? "") };
}

export function unpackError(packed: PortableError): Error {
  if (packed.kind === "other") return packed.error;
  const { code, what, hint, cause } = packed;
  return new SpinnError(code, what, { ...(hint !== undefined && { hint }), ...(cause !== "" && { cause }) });
}
