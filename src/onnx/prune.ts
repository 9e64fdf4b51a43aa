// Clearing a graph of what inference does not need: dead nodes and weights, copies, dropout, constants that are nodes.

import { floatAttribute, hasAttribute, intAttribute, intsAttribute, tensorAttribute } from "./attributes.ts";
import { type GraphIndex, graphOf, indexGraph } from "./graph-index.ts";
import { edit, floatTensor, int64Tensor, type ModelProto, type NodeProto, type TensorProto } from "./proto.ts";
import { intValues } from "./tensor-values.ts";
import { ancestors } from "./trunk.ts";

/** All of it. Inputs and outputs of the graph keep their names, and so does every tensor that stays. */
export function prune(model: ModelProto): ModelProto {
  return removeDead(removeCopies(constantsToInitializers(model)));
}

/**
 * Without the nodes, weights and notes that no output needs. Graph inputs stay, read or not, except those that only list an
 * initializer again: the runtime takes weights for constants only when they are not inputs.
 */
export function removeDead(model: ModelProto): ModelProto {
  const graph = graphOf(model);
  const index = indexGraph(graph);
  const outputs = graph.output.map((o) => o.name);
  const alive = ancestors(index, outputs);
  const node = graph.node.filter((n) => alive.has(n));
  const read = new Set([...node.flatMap((n) => n.input), ...outputs]);
  const made = new Set(node.flatMap((n) => n.output));
  const initializer = graph.initializer.filter((t) => read.has(t.name));
  const valueInfo = graph.valueInfo.filter((info) => made.has(info.name));
  return edit(model, { graph: edit(graph, { node, initializer, valueInfo, input: [...index.inputs] }) });
}

function constantsToInitializers(model: ModelProto): ModelProto {
  const graph = graphOf(model);
  const outputs = new Set(graph.output.map((o) => o.name));
  const constants = new Map<NodeProto, TensorProto>();
  for (const node of graph.node) {
    const tensor = outputs.has(node.output[0] ?? "") ? undefined : constantOf(node);
    if (tensor) constants.set(node, tensor);
  }
  const node = graph.node.filter((n) => !constants.has(n));
  return edit(model, { graph: edit(graph, { node, initializer: [...graph.initializer, ...constants.values()] }) });
}

/** What a Constant node holds, if it is one and holds numbers. */
function constantOf(node: NodeProto): TensorProto | undefined {
  if (node.opType !== "Constant" || node.domain) return undefined;
  const name = node.output[0] ?? "";
  const tensor = tensorAttribute(node, "value");
  if (tensor) return edit(tensor, { name });
  if (hasAttribute(node, "value_float")) {
    return floatTensor(name, Float32Array.of(floatAttribute(node, "value_float", 0)), []);
  }
  if (hasAttribute(node, "value_int")) return int64Tensor(name, [intAttribute(node, "value_int", 0)], []);
  const ints = intsAttribute(node, "value_ints");
  return ints && int64Tensor(name, ints);
}

/** Without Identity, and without Dropout outside training: their readers read the original. */
function removeCopies(model: ModelProto): ModelProto {
  const graph = graphOf(model);
  const index = indexGraph(graph);
  const outputs = new Set(graph.output.map((o) => o.name));
  /** Copy to original. */
  const originals = new Map<string, string>();
  /** Original to the graph output that it becomes. */
  const promoted = new Map<string, string>();
  const kept = graph.node.filter((node) => {
    if (!isCopy(node, index, outputs)) return true;
    const [copy = ""] = node.output;
    const [from = ""] = node.input;
    const original = originals.get(from) ?? from;
    if (!outputs.has(copy)) {
      originals.set(copy, original);
      return false;
    }
    // An output keeps its name, so that here the original is renamed, if it is a node's and nobody else's output.
    if (!index.producer.has(original) || outputs.has(original) || promoted.has(original)) return true;
    promoted.set(original, copy);
    return false;
  });
  const nameOf = (name: string): string => {
    const original = originals.get(name) ?? name;
    return promoted.get(original) ?? original;
  };
  const node = kept.map((n) => edit(n, { input: n.input.map(nameOf), output: n.output.map(nameOf) }));
  return edit(model, { graph: edit(graph, { node }) });
}

function isCopy(node: NodeProto, index: GraphIndex, outputs: ReadonlySet<string>): boolean {
  if (node.domain) return false;
  if (node.opType === "Identity") return true;
  if (node.opType !== "Dropout") return false;
  const mask = node.output[1];
  if (mask && (index.consumers.has(mask) || outputs.has(mask))) return false;
  const training = node.input[2];
  if (!training) return true;
  const flag = index.initializers.get(training);
  return flag !== undefined && intValues(flag)[0] === 0;
}
