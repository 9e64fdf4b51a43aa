// What the project asks of an inference runtime: load a graph, run it, let it go. Nothing above this file knows whether
// ONNX Runtime's Node binding, its WebAssembly build or something else does the work.

import type { ModelProto } from "../onnx/proto.ts";
import type { Tensor } from "../tensor.ts";

export type Tensors = Readonly<Record<string, Tensor>>;

/** One loaded graph. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Runs the graph. Tensors are shared with the runtime, not copied: leave the feeds alone until the promise settles.
   * Boolean tensors travel as `uint8`, 0 or 1.
   *
   * @param fetches the outputs to compute; all of them by default
   * @throws {SpinnError} Runtime when a feed is missing or does not fit, or when an operator fails
   */
  run(feeds: Tensors, fetches?: readonly string[]): Promise<Record<string, Tensor>>;
  /** Frees the graph and its memory. A second call does nothing. */
  release(): Promise<void>;
}

export interface SessionOptions {
  /** Threads inside one operator. @default 1 (several fight with whatever else runs on the machine) */
  threads?: number;
  /**
   * Whether idle threads wait by spinning: fewer microseconds between operators on an idle machine, ten times slower on a
   * busy one. @default false
   */
  spinning?: boolean;
  /** How far the runtime rewrites the graph before running it. @default "all" */
  optimization?: "all" | "extended" | "basic" | "none";
  /** Execution providers in order of preference. @default ["cpu"] */
  executionProviders?: readonly string[];
  /**
   * Whether the session keeps memory for its next run. Without it many sessions take less in all, and each run may have to
   * fault its pages in anew. @default true
   */
  arena?: boolean;
  /** Writes the graph as the runtime rewrote it to this file (Node only). It is good for this machine alone. */
  optimizedModelPath?: string;
  /** Writes the runtime's own profile (JSON, one entry an operator) to `<prefix>_<time>.json` on release. */
  profilePrefix?: string;
}

/** Loads a graph. @throws {SpinnError} InvalidModel when it is not ONNX, Runtime when the runtime refuses it */
export type CreateSession = (model: Uint8Array | ModelProto, options?: SessionOptions) => Promise<Session>;
