// Weights between a network's initializers and the flat vectors that training works on.

import type { TrainingGraph } from "../autodiff/differentiate.ts";
import { graphOf } from "../onnx/graph-index.ts";
import { edit, floatTensor, type ModelProto } from "../onnx/proto.ts";
import { dimsOf, floatValues } from "../onnx/tensor-values.ts";

/** The trained weights of `model` as one vector [P]. */
export function flattenParameters(model: ModelProto, graph: TrainingGraph, into: Float32Array): void {
  const tensors = new Map(graphOf(model).initializer.map((t) => [t.name, t]));
  for (const { name, offset } of graph.parameters) into.set(floatValues(tensors.get(name)!), offset);
}

/** The running statistics of `model`, in the layout of the training graph's `statistics` output. */
export function flattenStatistics(model: ModelProto, graph: TrainingGraph): Float32Array {
  const tensors = new Map(graphOf(model).initializer.map((t) => [t.name, t]));
  const flat = new Float32Array(graph.statisticsCount);
  for (const { mean, variance, offset, channels } of graph.statistics) {
    flat.set(floatValues(tensors.get(mean)!), offset);
    flat.set(floatValues(tensors.get(variance)!), offset + channels);
  }
  return flat;
}

/** `model` with the trained weights and running statistics put back. Everything else is the same objects. */
export function withWeights(
  model: ModelProto,
  graph: TrainingGraph,
  parameters: Float32Array,
  statistics: Float32Array,
): ModelProto {
  const values = new Map<string, Float32Array>();
  for (const { name, offset, size } of graph.parameters) values.set(name, parameters.subarray(offset, offset + size));
  for (const { mean, variance, offset, channels } of graph.statistics) {
    values.set(mean, statistics.subarray(offset, offset + channels));
    values.set(variance, statistics.subarray(offset + channels, offset + 2 * channels));
  }
  const inner = graphOf(model);
  const initializer = inner.initializer.map((tensor) => {
    const data = values.get(tensor.name);
    return data ? floatTensor(tensor.name, data, dimsOf(tensor)) : tensor;
  });
  return edit(model, { graph: edit(inner, { initializer }) });
}
