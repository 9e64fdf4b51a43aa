// What the training loop and its workers share: the memory they work on and the messages that drive one step.

import type { OptimizerOptions } from "../autodiff/optimizer.ts";
import type { SpinnError } from "../errors.ts";

/** Everything that outlives a step, in memory that all workers see. */
export interface TrainingMemory {
  /** [P] */
  readonly parameters: Float32Array;
  /** Optimiser state, each [P]. */
  readonly state: readonly Float32Array[];
  /** Moving average of the parameters, [P]; empty when there is none. */
  readonly average: Float32Array;
  /** [P] */
  readonly decayMask: Uint8Array;
  /** One batch of images [B, C, H, W]. */
  readonly images: Float32Array;
  /** [B, K] */
  readonly targets: Float32Array;
  /** What each worker leaves after its share of the batch. */
  readonly shares: readonly WorkerShare[];
}

/** Means over the micro-batches of one worker. */
export interface WorkerShare {
  readonly gradients: Float32Array;
  readonly statistics: Float32Array;
  readonly losses: Float32Array;
  /** Sums, not means. */
  readonly hits: Float32Array;
}

export interface WorkerSetup {
  readonly worker: number;
  readonly workers: number;
  readonly graph: Uint8Array;
  readonly imageDims: readonly number[];
  readonly classes: number;
  readonly memory: TrainingMemory;
  readonly optimizer: OptimizerOptions;
  readonly executionProviders: readonly string[];
  readonly averageDecay: number;
}

export type StepRequest =
  /** Gradient of this worker's share of the batch that lies in memory. */
  | { readonly kind: "gradient"; readonly tau: readonly number[] }
  /** Update of this worker's share of the parameters from everyone's gradients. `step` counts from 1. */
  | { readonly kind: "update"; readonly learningRate: number; readonly step: number };

export type StepReply =
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly code: SpinnError["code"]; readonly message: string };

/** Elements [from, to) of `length` that worker `worker` of `workers` owns. */
export function shareOf(length: number, worker: number, workers: number): [from: number, to: number] {
  return [Math.floor((length * worker) / workers), Math.floor((length * (worker + 1)) / workers)];
}
