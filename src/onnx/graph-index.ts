// Who makes and who reads each tensor of a graph: the look-ups that every analysis and edit starts from.

import { SpinnError } from "../errors.ts";
import type { GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto } from "./proto.ts";

export interface GraphIndex {
  readonly graph: GraphProto;
  /** The node that makes a tensor; absent for inputs and initializers. */
  readonly producer: ReadonlyMap<string, NodeProto>;
  /** The nodes that read a tensor, in graph order. */
  readonly consumers: ReadonlyMap<string, readonly NodeProto[]>;
  readonly initializers: ReadonlyMap<string, TensorProto>;
  /** Graph inputs that are not initializers (old files list both): what a caller feeds. */
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
}

export function indexGraph(graph: GraphProto): GraphIndex {
  const producer = new Map<string, NodeProto>();
  const consumers = new Map<string, NodeProto[]>();
  for (const node of graph.node) {
    for (const name of node.output) if (name) producer.set(name, node);
    for (const name of new Set(node.input)) {
      if (!name) continue;
      const readers = consumers.get(name);
      if (readers) readers.push(node);
      else consumers.set(name, [node]);
    }
  }
  const initializers = new Map(graph.initializer.map((t) => [t.name, t]));
  const inputs = graph.input.filter((i) => !initializers.has(i.name));
  return { graph, producer, consumers, initializers, inputs, outputs: graph.output };
}

/** @throws {SpinnError} InvalidModel when the file holds no graph */
export function graphOf(model: ModelProto): GraphProto {
  if (!model.graph) throw new SpinnError("InvalidModel", "The ONNX file holds no graph");
  return model.graph;
}
