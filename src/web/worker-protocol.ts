// What a page and its computing thread say to each other, beside the jobs of a pool: how to begin, and what there is.

import type { ComputeReply, ComputeRequest } from "../engine/compute-protocol.ts";
import type { OrtWebOptions, WebProvider } from "../runtime/ort-web.ts";

/** First of all, and once. */
export interface WorkerSetup {
  readonly kind: "setup";
  /** A model file. */
  readonly model: Uint8Array;
  readonly runtime: Omit<OrtWebOptions, "onFallback">;
}

/** What runs the network. */
export interface WebRuntime {
  readonly provider: WebProvider;
  /** Inside one operator on WebAssembly. */
  readonly threads: number;
}

export type ToWorker = WorkerSetup | ComputeRequest;

export type FromWorker =
  | ComputeReply
  | ({ readonly kind: "runtime" } & WebRuntime)
  | { readonly kind: "fallback"; readonly reason: string };
