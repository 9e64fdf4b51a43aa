// One training worker: a session with one thread, a share of every batch and a share of the parameters.
// (onnxruntime's run() blocks its thread, and two sessions of one thread beat one session of two: docs/architecture.md.)

import { parentPort, workerData } from "node:worker_threads";
import { applyUpdate } from "../autodiff/optimizer.ts";
import { isSpinnError, messageOf } from "../errors.ts";
import { createSession, type Session } from "../runtime/index.ts";
import { sizeOf, type Tensor } from "../tensor.ts";
import { type StepReply, type StepRequest, shareOf, type WorkerSetup } from "./step-protocol.ts";

const setup = workerData as WorkerSetup;
const { memory, worker, workers } = setup;
const share = memory.shares[worker]!;
const microBatch = setup.imageDims[0]!;
const imageSize = sizeOf(setup.imageDims) / microBatch;
const parameterCount = memory.parameters.length;
const batch = memory.images.length / imageSize;

// The runtime takes no shared memory: its inputs are private copies.
const tensor = (dims: readonly number[]): Tensor & { data: Float32Array } => ({
  type: "float32",
  dims,
  data: new Float32Array(sizeOf(dims)),
});
const images = tensor(setup.imageDims);
const targets = tensor([microBatch, setup.classes]);
const parameters = tensor([parameterCount]);
const tau = tensor([share.losses.length]);
const gradient = new Float32Array(parameterCount);

async function computeGradient(session: Session, weights: readonly number[]): Promise<void> {
  tau.data.set(weights);
  parameters.data.set(memory.parameters);
  const [from, to] = shareOf(batch / microBatch, worker, workers);
  for (const sum of Object.values(share)) sum.fill(0);
  const mean = 1 / (to - from);
  for (let micro = from; micro < to; micro++) {
    const first = micro * microBatch;
    images.data.set(memory.images.subarray(first * imageSize, (first + microBatch) * imageSize));
    targets.data.set(memory.targets.subarray(first * setup.classes, (first + microBatch) * setup.classes));
    const results = await session.run({ images, targets, tau, parameters });
    accumulate(share.gradients, results.gradients!, mean);
    accumulate(share.losses, results.losses!, mean);
    accumulate(share.hits, results.hits!, 1);
    if (results.statistics) accumulate(share.statistics, results.statistics, mean);
  }
}

function accumulate(into: Float32Array, { data }: Tensor, factor: number): void {
  const values = data as Float32Array;
  for (let i = 0; i < values.length; i++) into[i]! += factor * values[i]!;
}

function update(learningRate: number, step: number): void {
  const [from, to] = shareOf(parameterCount, worker, workers);
  // Each worker's share is the mean over as many images as the others': the gradient is the mean of the shares.
  for (let i = from; i < to; i++) {
    let sum = 0;
    for (let w = 0; w < workers; w++) sum += memory.shares[w]!.gradients[i]!;
    gradient[i] = sum / workers;
  }
  const vectors = { parameters: memory.parameters, gradient, state: memory.state, decayMask: memory.decayMask };
  applyUpdate(vectors, setup.optimizer, learningRate, step, from, to);
  if (memory.average.length === 0) return;
  // The average starts short and grows: an early average over random weights would have to be forgotten first.
  const decay = Math.min(setup.averageDecay, step / (step + 10));
  for (let i = from; i < to; i++) memory.average[i]! += (1 - decay) * (memory.parameters[i]! - memory.average[i]!);
}

async function serve(): Promise<void> {
  const port = parentPort!;
  const reply = (message: StepReply): void => port.postMessage(message);
  const failed = (error: unknown): void =>
    reply({ kind: "failed", code: isSpinnError(error) ? error.code : "Training", message: messageOf(error) });
  try {
    const session = await createSession(setup.graph, { threads: 1, executionProviders: setup.executionProviders });
    reply({ kind: "done" });
    port.on("message", (request: StepRequest) => {
      const work =
        request.kind === "gradient"
          ? computeGradient(session, request.tau)
          : Promise.resolve(update(request.learningRate, request.step));
      work.then(() => reply({ kind: "done" }), failed);
    });
  } catch (error) {
    failed(error);
  }
}

void serve();
