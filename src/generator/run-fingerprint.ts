// The name of a training run: two runs that would differ in their weights have different ones.

import { createHash } from "node:crypto";
import type { TrainingGraph } from "../autodiff/differentiate.ts";
import { encodeModel } from "../onnx/codec.ts";
import { edit, type ModelProto } from "../onnx/proto.ts";
import type { TrainingPlan } from "./train-options.ts";

/** A hash of everything that the weights depend on, except the machine. */
export function runFingerprint(model: ModelProto, graph: TrainingGraph, plan: TrainingPlan): string {
  const { epochs, seed, batchSize, microBatch, workers, optimizer, learningRate, labelSmoothing, averageDecay } = plan;
  const options = {
    epochs,
    seed,
    batchSize,
    microBatch,
    workers,
    optimizer,
    learningRate,
    labelSmoothing,
    averageDecay,
  };
  const names = graph.parameters.map((p) => p.name);
  const { dataset, preprocessing, augmentation } = plan;
  const data = { name: dataset.name, length: dataset.length, preprocessing, augmentation };
  const taus = Array.from({ length: epochs }, (_, epoch) => plan.tau(epoch, epochs));
  const bytes = encodeModel(edit(model, { metadataProps: [] }));
  return createHash("sha256").update(bytes).update(JSON.stringify({ options, names, data, taus })).digest("hex");
}
