// What can be said about a training run, what it tells while it goes on, and what it takes for granted.

import { availableParallelism } from "node:os";
import { type OptimizerOptions, sgdDefaults } from "../autodiff/optimizer.ts";
import type { Augmentation, Dataset } from "../data/index.ts";
import type { Preprocessing } from "../image/index.ts";
import type { ModelProto } from "../onnx/proto.ts";
import type { LearningRateSchedule } from "./learning-rate.ts";

/** How a training run is carried out, whatever it trains. */
export interface RunOptions {
  /** Names data order, augmentation and (with the model's own seed) the result. */
  seed: number;
  /** @default none */
  augmentation?: Augmentation;
  /** @default 128 */
  batchSize?: number;
  /** Images that go through the graph at once; batch statistics are taken over these. @default 32, or a smaller batch */
  microBatch?: number;
  /** Data-parallel threads; part of what determines the result. @default one a core, as far as the batch divides */
  workers?: number;
  /** @default ["cpu"] */
  executionProviders?: readonly string[];
  /** File that the run is saved to every `everySeconds` (default 60) and when it is aborted. */
  checkpoint?: { readonly path: string; readonly everySeconds?: number };
  /** Go on from the checkpoint where there is one. @default false */
  resume?: boolean;
  /** Top-1 of every output on held-out images; asked every `validateEvery` epochs (default 5) and after the last. */
  validate?: (model: ModelProto) => Promise<readonly number[]>;
  validateEvery?: number;
  onProgress?: (progress: TrainProgress) => void;
  onEpoch?: (record: EpochRecord) => void;
  /** Stops after the step in hand, with a checkpoint. */
  signal?: AbortSignal;
}

export interface TrainOptions extends RunOptions {
  dataset: Dataset;
  preprocessing: Preprocessing;
  epochs: number;
  /** Loss weight of every output in an epoch, in the order of the outputs: see cost-function.ts. */
  tau: (epoch: number, epochs: number) => readonly number[];
  /** Which weights are trained. @default all */
  trainable?: (name: string) => boolean;
  /** @default SGD, Nesterov momentum 0.9, weight decay 5e-4 */
  optimizer?: OptimizerOptions;
  learningRate: LearningRateSchedule;
  /** Probability spread evenly over all classes in the targets. @default 0 */
  labelSmoothing?: number;
  /** Decay, a step, of the moving average of the weights, which becomes the result; 0: the last weights are it. @default 0 */
  averageDecay?: number;
}

export interface TrainProgress {
  /** From 0. */
  readonly epoch: number;
  readonly epochs: number;
  /** Steps done in this epoch. */
  readonly step: number;
  readonly stepsPerEpoch: number;
  /** Means over this epoch so far, one for each output. */
  readonly losses: readonly number[];
  readonly top1: readonly number[];
  readonly learningRate: number;
  readonly imagesPerSecond: number;
  readonly secondsLeft: number;
}

export interface EpochRecord {
  /** From 1, as people count. */
  readonly epoch: number;
  readonly learningRate: number;
  /** Mean training loss of each output. */
  readonly losses: readonly number[];
  /** Training accuracy of each output. */
  readonly top1: readonly number[];
  /** Held-out accuracy of each output, in the epochs that were validated. */
  readonly heldOutTop1?: readonly number[];
  readonly seconds: number;
}

export interface TrainResult {
  readonly model: ModelProto;
  readonly history: readonly EpochRecord[];
}

/** All choices made. */
export type TrainingPlan = TrainOptions &
  Required<
    Pick<
      TrainOptions,
      "batchSize" | "microBatch" | "workers" | "optimizer" | "labelSmoothing" | "averageDecay" | "executionProviders"
    >
  >;

/** @throws {RangeError} for a number of epochs that is none */
export function planOf(options: TrainOptions): TrainingPlan {
  const { batchSize = 128, optimizer = sgdDefaults, labelSmoothing = 0, averageDecay = 0 } = options;
  const microBatch = options.microBatch ?? Math.min(32, batchSize);
  if (!(Number.isInteger(options.epochs) && options.epochs > 0)) {
    throw new RangeError(`epochs must be a positive integer, not ${options.epochs}`);
  }
  const micros = batchSize / microBatch;
  const cores = availableParallelism();
  const divisors = Array.from({ length: cores }, (_, i) => cores - i).filter((w) => Number.isInteger(micros / w));
  const workers = options.workers ?? divisors[0] ?? 1;
  const executionProviders = options.executionProviders ?? ["cpu"];
  return { ...options, batchSize, microBatch, workers, optimizer, labelSmoothing, averageDecay, executionProviders };
}
