// The training loop of the progressive model generator (SPINN 4.1): all exits and the trunk jointly from scratch, or the
// heads alone on a frozen trunk. Resumable at any step, to the same weights as an uninterrupted run.

import { usableBlock } from "../autodiff/blocked-conv.ts";
import { differentiate, type TrainingGraph } from "../autodiff/differentiate.ts";
import { type Batch, type BatchSource, createBatchLoader, outputIndices, prefetch } from "../data/index.ts";
import { SpinnError } from "../errors.ts";
import { type ModelProto, opsetOf } from "../onnx/proto.ts";
import { upgradeOpset } from "../onnx/upgrade-opset.ts";
import { createSession } from "../runtime/index.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { learningRateAt } from "./learning-rate.ts";
import { runFingerprint } from "./run-fingerprint.ts";
import { batchStatistics, updateRunning } from "./running-statistics.ts";
import { type StepPool, startStepPool } from "./step-pool.ts";
import { type EpochRecord, planOf, type TrainingPlan, type TrainOptions, type TrainResult } from "./train-options.ts";
import { flattenParameters, flattenStatistics, withWeights } from "./weights.ts";

/** What a checkpoint holds beside the vectors. */
interface Progress {
  epoch: number;
  step: number;
  losses: number[];
  hits: number[];
  seconds: number;
  history: EpochRecord[];
}

const TRAINING_OPSET = 17;

/**
 * Images whose statistics make the final normalization when the weights are an average that no batch was run with: as many
 * as the usual running statistics remember.
 */
const STATISTICS_IMAGES = 1024;

/**
 * Trains `model`, whose outputs are logits. Images are labelled with the network's classes (see `outputIndices()`).
 *
 * @returns a new model; `model` is left alone
 * @throws {SpinnError} Training when a loss is no longer finite or the checkpoint is another run's; Aborted
 */
export async function train(model: ModelProto, options: TrainOptions): Promise<TrainResult> {
  const plan = planOf(options);
  // BatchNormalization has its training form since opset 14; the result keeps the model's own opset.
  const graph = differentiate(opsetOf(model) < TRAINING_OPSET ? upgradeOpset(model, TRAINING_OPSET) : model, {
    batch: plan.microBatch,
    block: await usableBlock(createSession, plan.executionProviders),
    ...(options.trainable && { trainable: options.trainable }),
  });
  const source = openSource(plan);
  let pool: StepPool | undefined;
  try {
    pool = await startStepPool(graph, plan);
    const run = new TrainingRun(model, graph, pool, source, plan);
    return await run.go();
  } finally {
    await Promise.all([pool?.close(), source.close()]);
  }
}

function openSource(plan: TrainingPlan): BatchSource {
  const { batchSize, preprocessing, augmentation, seed } = plan;
  const loader = {
    batchSize,
    preprocessing,
    ...(augmentation && { augmentation }),
    shuffle: true,
    dropLast: true,
    seed,
  };
  return plan.dataset.share ? prefetch(plan.dataset, loader) : createBatchLoader(plan.dataset, loader);
}

class TrainingRun {
  readonly #model: ModelProto;
  readonly #graph: TrainingGraph;
  readonly #pool: StepPool;
  readonly #source: BatchSource;
  readonly #plan: TrainingPlan;
  readonly #running: Float32Array;
  #progress: Progress;
  #sessionImages = 0;
  #sessionSeconds = 0;
  #savedAt = performance.now();
  readonly #fingerprint: string;
  readonly #classOf: Uint16Array;

  constructor(model: ModelProto, graph: TrainingGraph, pool: StepPool, source: BatchSource, plan: TrainingPlan) {
    this.#model = model;
    this.#graph = graph;
    this.#pool = pool;
    this.#source = source;
    this.#plan = plan;
    this.#running = flattenStatistics(model, graph);
    this.#fingerprint = runFingerprint(model, graph, plan);
    this.#classOf = outputIndices(plan.dataset, graph.classes);
    this.#progress = { epoch: 0, step: 0, ...this.#emptySums(), history: [] };
    flattenParameters(model, graph, pool.memory.parameters);
    pool.memory.average.set(pool.memory.parameters.subarray(0, pool.memory.average.length));
  }

  async go(): Promise<TrainResult> {
    const { epochs } = this.#plan;
    await this.#resume();
    while (this.#progress.epoch < epochs) await this.#epoch();
    const statistics = this.#plan.averageDecay > 0 ? await this.#refreshedStatistics() : this.#running;
    this.#refuseNonFinite(this.#weights(), statistics);
    const model = withWeights(this.#model, this.#graph, this.#weights(), statistics);
    return { model, history: this.#progress.history };
  }

  async #epoch(): Promise<void> {
    const { epochs, validate, validateEvery = 5 } = this.#plan;
    const progress = this.#progress;
    const { epoch } = progress;
    for await (const batch of this.#source.epoch(epoch, progress.step)) {
      await this.#abortIfAsked();
      await this.#step(batch);
      await this.#save(false);
    }
    const last = epoch + 1 === epochs;
    const validated = validate && (last || (epoch + 1) % validateEvery === 0);
    this.#refuseNonFinite(this.#pool.memory.parameters);
    // Validation takes its time, and ends by an error when it is aborted.
    if (validated) await this.#save(true);
    const model = validated && withWeights(this.#model, this.#graph, this.#pool.memory.parameters, this.#running);
    const record: EpochRecord = {
      epoch: epoch + 1,
      learningRate: this.#learningRate(),
      losses: this.#means(progress.losses, 1),
      top1: this.#means(progress.hits, this.#plan.batchSize),
      ...(model && { heldOutTop1: await validate(model) }),
      seconds: progress.seconds,
    };
    progress.history.push(record);
    Object.assign(progress, { epoch: epoch + 1, step: 0, ...this.#emptySums() });
    this.#plan.onEpoch?.(record);
    await this.#save(true);
  }

  async #step(batch: Batch): Promise<void> {
    const started = performance.now();
    const { memory } = this.#pool;
    const progress = this.#progress;
    memory.images.set(batch.images);
    this.#writeTargets(batch);
    await this.#pool.gradient(this.#plan.tau(progress.epoch, this.#plan.epochs));
    memory.shares[0]!.losses.forEach((_, i) => {
      let loss = 0;
      for (const share of memory.shares) {
        loss += share.losses[i]! / memory.shares.length;
        progress.hits[i]! += share.hits[i]!;
      }
      progress.losses[i]! += loss;
    });
    const total = progress.losses.reduce((a, b) => a + b, 0);
    if (!Number.isFinite(total)) {
      throw diverged(`The loss is ${total} in epoch ${progress.epoch + 1}, step ${progress.step + 1}`);
    }
    updateRunning(this.#running, batchStatistics(this.#graph, memory.shares));
    const step = progress.epoch * this.#source.stepsPerEpoch + progress.step + 1;
    await this.#pool.update(this.#learningRate(), step);
    progress.step++;
    const seconds = (performance.now() - started) / 1000;
    progress.seconds += seconds;
    this.#sessionSeconds += seconds;
    this.#sessionImages += this.#plan.batchSize;
    this.#report();
  }

  #writeTargets(batch: Batch): void {
    const { targets } = this.#pool.memory;
    const { classes } = this.#graph;
    const smoothing = this.#plan.labelSmoothing;
    targets.fill(smoothing / classes);
    batch.labels.forEach((label, i) => {
      targets[i * classes + this.#classOf[label]!]! += 1 - smoothing;
    });
  }

  #learningRate(): number {
    const { epoch, step } = this.#progress;
    return learningRateAt(this.#plan.learningRate, epoch + step / this.#source.stepsPerEpoch, this.#plan.epochs);
  }

  #report(): void {
    const { epoch, step, losses, hits } = this.#progress;
    const { stepsPerEpoch } = this.#source;
    const { epochs, batchSize } = this.#plan;
    const imagesPerSecond = this.#sessionImages / this.#sessionSeconds;
    const imagesLeft = ((epochs - epoch) * stepsPerEpoch - step) * batchSize;
    this.#plan.onProgress?.({
      epoch,
      epochs,
      step,
      stepsPerEpoch,
      losses: this.#means(losses, 1),
      top1: this.#means(hits, batchSize),
      learningRate: this.#learningRate(),
      imagesPerSecond,
      secondsLeft: imagesLeft / imagesPerSecond,
    });
  }

  #means(sums: readonly number[], each: number): number[] {
    return sums.map((sum) => sum / (this.#progress.step * each));
  }

  #emptySums(): Pick<Progress, "losses" | "hits" | "seconds"> {
    const zeros = (): number[] => this.#graph.exits.map(() => 0);
    return { losses: zeros(), hits: zeros(), seconds: 0 };
  }

  /** What the result is made of: the average where one is kept. */
  #weights(): Float32Array {
    const { average, parameters } = this.#pool.memory;
    return average.length > 0 ? average : parameters;
  }

  /**
   * Normalisation statistics of the averaged weights, which no training batch has gone through: the mean over fresh
   * batches.
   */
  async #refreshedStatistics(): Promise<Float32Array> {
    if (this.#graph.statisticsCount === 0) return this.#running;
    const { memory } = this.#pool;
    const last = memory.parameters.slice();
    memory.parameters.set(this.#weights());
    const sum = new Float64Array(this.#graph.statisticsCount);
    let batches = 0;
    for await (const batch of this.#source.epoch(this.#plan.epochs)) {
      memory.images.set(batch.images);
      this.#writeTargets(batch);
      await this.#pool.gradient(this.#graph.exits.map(() => 1));
      batchStatistics(this.#graph, memory.shares).forEach((v, i) => {
        sum[i]! += v;
      });
      if (++batches * this.#plan.batchSize >= STATISTICS_IMAGES) break;
    }
    memory.parameters.set(last);
    return Float32Array.from(sum, (v) => v / batches);
  }

  async #abortIfAsked(): Promise<void> {
    if (!this.#plan.signal?.aborted) return;
    await this.#save(true);
    const { epoch, step } = this.#progress;
    throw new SpinnError(
      "Aborted",
      `Stopped in epoch ${epoch + 1} after ${step} of ${this.#source.stepsPerEpoch} steps`,
      {
        ...(this.#plan.checkpoint && { hint: "Go on with --resume" }),
      },
    );
  }

  /** Weights that an update broke show in the next loss; where there is none, here. */
  #refuseNonFinite(...vectors: readonly Float32Array[]): void {
    if (vectors.every((v) => v.every(Number.isFinite))) return;
    const { epoch, step } = this.#progress;
    throw diverged(`The weights are no longer finite after ${epoch} epochs and ${step} steps`);
  }

  async #save(now: boolean): Promise<void> {
    const { checkpoint } = this.#plan;
    if (!checkpoint) return;
    if (!now && performance.now() - this.#savedAt < 1000 * (checkpoint.everySeconds ?? 60)) return;
    this.#refuseNonFinite(this.#pool.memory.parameters, this.#running);
    await writeCheckpoint(checkpoint.path, {
      fingerprint: this.#fingerprint,
      progress: this.#progress,
      vectors: this.#vectors(),
    });
    this.#savedAt = performance.now();
  }

  async #resume(): Promise<void> {
    const { checkpoint, resume } = this.#plan;
    if (!checkpoint || !resume) return;
    const progress = await readCheckpoint<Progress>(checkpoint.path, this.#fingerprint, this.#vectors());
    if (progress) this.#progress = progress;
  }

  #vectors(): Record<string, Float32Array> {
    const { parameters, state, average } = this.#pool.memory;
    const moments = Object.fromEntries(state.map((v, i) => [`state${i}`, v]));
    return { parameters, ...moments, average, running: this.#running };
  }
}

function diverged(message: string): SpinnError {
  return new SpinnError("Training", message, {
    hint: "Lower the learning rate, or look for NaN in the data and the weights",
  });
}
