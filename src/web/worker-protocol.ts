// What a page and its computing thread say to each other, beside the jobs of a pool: how to begin, what there is, and images.

import type { ComputeReply, ComputeRequest } from "../engine/compute-protocol.ts";
import type { PortableError } from "../portable-error.ts";
import type { OrtWebOptions, WebProvider } from "../runtime/ort-web.ts";
import type { ImageSource } from "./image-source.ts";

/** A model file, or the URL of the folder where a server serves a network in slices. */
export type WebModel = Uint8Array | string;

/** First of all, and once. */
export interface WorkerSetup {
  readonly kind: "setup";
  readonly model: WebModel;
  /** For a server that asks who downloads it. */
  readonly token?: string;
  readonly runtime: Omit<OrtWebOptions, "onFallback">;
}

/** What runs the network. */
export interface WebRuntime {
  readonly provider: WebProvider;
  /** Inside one operator on WebAssembly. */
  readonly threads: number;
}

export type ToWorker =
  | WorkerSetup
  | ComputeRequest
  /** Answered by `image`. */
  | { readonly kind: "image"; readonly id: number; readonly source: ImageSource };

export type FromWorker =
  | ComputeReply
  | ({ readonly kind: "runtime" } & WebRuntime)
  | { readonly kind: "fallback"; readonly reason: string }
  /** All that it takes to get to a cut has come. */
  | { readonly kind: "arrived"; readonly cut: string }
  /** `values`: what the network takes, [1, C, H, W]. */
  | { readonly kind: "image"; readonly id: number; readonly values: Float32Array<ArrayBuffer> }
  | { readonly kind: "no-image"; readonly id: number; readonly error: PortableError };
