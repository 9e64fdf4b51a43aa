// Graph order: every tensor is made before it is read, as ONNX demands and not every tool delivers.

import { SpinnError } from "../errors.ts";
import { label } from "./label.ts";
import { edit, type GraphProto, type NodeProto } from "./proto.ts";

/** Longest cycle that an error spells out. */
const MAX_SHOWN = 6;

/**
 * The graph with its nodes in topological order, otherwise as near to the given order as possible; the very same graph when it
 * is sorted already.
 *
 * @throws {SpinnError} InvalidModel naming one cycle when there is no such order
 */
export function sortTopologically(graph: GraphProto): GraphProto {
  const producer = new Map<string, NodeProto>();
  for (const node of graph.node) for (const name of node.output) if (name) producer.set(name, node);
  const sorted = new Set<NodeProto>();
  for (const node of graph.node) visit(node, producer, sorted);
  const order = [...sorted];
  return order.every((node, i) => node === graph.node[i]) ? graph : edit(graph, { node: order });
}

/** Adds a node's ancestors, then the node itself. A stack instead of recursion: chains may be as long as the file. */
function visit(start: NodeProto, producer: ReadonlyMap<string, NodeProto>, sorted: Set<NodeProto>): void {
  const stack = [{ node: start, next: 0 }];
  const onStack = new Set([start]);
  for (let top = stack.at(-1); top; top = stack.at(-1)) {
    const { node } = top;
    const name = sorted.has(node) ? undefined : node.input[top.next++];
    if (name === undefined) {
      sorted.add(node);
      onStack.delete(node);
      stack.pop();
      continue;
    }
    const from = producer.get(name);
    if (!from || sorted.has(from)) continue;
    if (onStack.has(from)) {
      const nodes = stack.map((entry) => entry.node);
      throw cycleError(nodes.slice(nodes.indexOf(from)));
    }
    stack.push({ node: from, next: 0 });
    onStack.add(from);
  }
}

function cycleError([first, ...others]: readonly NodeProto[]): SpinnError {
  // The stack runs against the data: every node reads from the one after it.
  const cycle = [first, ...others.reverse()].map((node) => label(node?.name || (node?.output[0] ?? "")));
  const shown = cycle.length > MAX_SHOWN ? [...cycle.slice(0, MAX_SHOWN), `${cycle.length - MAX_SHOWN} more`] : cycle;
  return new SpinnError("InvalidModel", `The graph is cyclic: ${[...shown, cycle[0]].join(" -> ")}`, {
    hint: "Export the network again, unrolled",
  });
}
