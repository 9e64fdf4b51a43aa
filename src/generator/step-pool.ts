// The training step over several workers: data-parallel halves of the batch, then each worker updates its part of the
// parameters. Same seed and same number of workers give bit-identical weights: every sum has a fixed order.

import { Worker } from "node:worker_threads";
import type { TrainingGraph } from "../autodiff/differentiate.ts";
import { type OptimizerOptions, optimizerStateCount } from "../autodiff/optimizer.ts";
import { SpinnError } from "../errors.ts";
import { encodeModel } from "../onnx/codec.ts";
import { sizeOf } from "../tensor.ts";
import { workerUrl } from "../worker-url.ts";
import type { StepReply, StepRequest, TrainingMemory, WorkerSetup, WorkerShare } from "./step-protocol.ts";

export interface StepPoolOptions {
  /** Images a step; a multiple of workers x the graph's own (micro-)batch. */
  batchSize: number;
  workers: number;
  optimizer: OptimizerOptions;
  /** Decay of the moving average of the weights a step; 0 keeps none. */
  averageDecay: number;
  executionProviders: readonly string[];
}

export interface StepPool {
  readonly memory: TrainingMemory;
  /** Computes everyone's gradients of the batch in `memory.images` and `memory.targets`. */
  gradient(tau: readonly number[]): Promise<void>;
  /** Applies them. @param step counts from 1 */
  update(learningRate: number, step: number): Promise<void>;
  close(): Promise<void>;
}

const shared = (length: number): Float32Array => new Float32Array(new SharedArrayBuffer(4 * length));

/**
 * Starts the workers, each with its own copy of the graph.
 *
 * @throws {RangeError} when the batch does not divide among workers and micro-batches
 * @throws {SpinnError} Runtime when ONNX Runtime refuses the graph
 */
export async function startStepPool(graph: TrainingGraph, options: StepPoolOptions): Promise<StepPool> {
  const { batchSize, workers } = options;
  if (batchSize % (workers * graph.batch) !== 0) {
    throw new RangeError(
      `A batch of ${batchSize} does not divide into ${workers} worker(s) x micro-batches of ${graph.batch}: choose a multiple of ${workers * graph.batch}`,
    );
  }
  const count = graph.parameterCount;
  const memory: TrainingMemory = {
    parameters: shared(count),
    state: Array.from({ length: optimizerStateCount(options.optimizer) }, () => shared(count)),
    average: shared(options.averageDecay > 0 ? count : 0),
    decayMask: decayMask(graph),
    images: shared((batchSize * sizeOf(graph.imageDims)) / graph.batch),
    targets: shared(batchSize * graph.classes),
    shares: Array.from(
      { length: workers },
      (): WorkerShare => ({
        gradients: shared(count),
        statistics: shared(graph.statisticsCount),
        losses: shared(graph.exits.length),
        hits: shared(graph.exits.length),
      }),
    ),
  };
  const bytes = encodeModel(graph.model);
  const threads = Array.from({ length: workers }, (_, worker) => {
    const { imageDims, classes } = graph;
    const { optimizer, executionProviders, averageDecay } = options;
    const setup: WorkerSetup = {
      worker,
      workers,
      graph: bytes,
      imageDims,
      classes,
      memory,
      optimizer,
      executionProviders,
      averageDecay,
    };
    return new Worker(workerUrl("./step-worker.ts", import.meta.url), { workerData: setup, execArgv: [] });
  });
  const close = async (): Promise<void> => {
    await Promise.all(threads.map((t) => t.terminate()));
  };
  const all = async (request?: StepRequest): Promise<void> => {
    const replies = threads.map(nextReply);
    if (request) for (const thread of threads) thread.postMessage(request);
    await Promise.all(replies);
  };
  try {
    await all();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    memory,
    gradient: (tau) => all({ kind: "gradient", tau }),
    update: (learningRate, step) => all({ kind: "update", learningRate, step }),
    close,
  };
}

function nextReply(thread: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      thread.off("message", onMessage).off("error", onError).off("exit", onExit);
      act();
    };
    const onMessage = (reply: StepReply): void =>
      settle(() => (reply.kind === "done" ? resolve() : reject(new SpinnError(reply.code, reply.message))));
    const onError = (cause: Error): void =>
      settle(() => reject(new SpinnError("Training", "A training worker failed", { cause })));
    const onExit = (code: number): void =>
      settle(() => reject(new SpinnError("Training", `A training worker ended with code ${code}`)));
    thread.on("message", onMessage).on("error", onError).on("exit", onExit);
  });
}

/** Weight decay is for matrices and filters; biases, normalisations and scalars go without. */
function decayMask(graph: TrainingGraph): Uint8Array {
  const mask = new Uint8Array(new SharedArrayBuffer(graph.parameterCount));
  for (const { dims, offset, size } of graph.parameters) if (dims.length >= 2) mask.fill(1, offset, offset + size);
  return mask;
}
