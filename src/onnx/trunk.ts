// The trunk of a network: the nodes between its inputs and its final output, without the heads of early exits, and what
// it takes to stop in the middle of it (SPINN, 4.1: a split must carry every live tensor, the skip connections too).

import { SpinnError } from "../errors.ts";
import { countMacs } from "./flops.ts";
import { type GraphIndex, graphOf, indexGraph } from "./graph-index.ts";
import type { ModelProto, NodeProto } from "./proto.ts";
import { inferShapes } from "./shapes.ts";
import type { TensorInfo } from "./tensor-info.ts";

export interface Trunk {
  readonly index: GraphIndex;
  /** The final output's name. */
  readonly output: string;
  /**
   * The nodes that the final output needs and that depend on an input, in graph order. Whatever follows from constants
   * alone stands on both sides of any cut and is not part of the trunk.
   */
  readonly nodes: readonly NodeProto[];
  /** Types of all tensors for one image. */
  readonly types: ReadonlyMap<string, TensorInfo>;
  readonly macs: ReadonlyMap<NodeProto, number>;
}

export interface TrunkOptions {
  /** The final output. @default the output with the most multiply-adds behind it, the first of equals */
  output?: string | undefined;
}

/**
 * The trunk of a valid model.
 *
 * @throws {RangeError} when `output` is not an output of the graph
 * @throws {SpinnError} InvalidModel without outputs, and as `inferShapes`
 */
export function trunkOf(model: ModelProto, options: TrunkOptions = {}): Trunk {
  const graph = graphOf(model);
  const index = indexGraph(graph);
  const types = inferShapes(model);
  const macs = countMacs(model, types).byNode;
  const output = finalOutput(index, macs, options.output);
  const needed = ancestors(index, [output]);
  const varying = new Set(index.inputs.map((i) => i.name));
  const nodes = graph.node.filter((node) => {
    if (!node.input.some((name) => varying.has(name))) return false;
    for (const name of node.output) if (name) varying.add(name);
    return needed.has(node);
  });
  return { index, output, nodes, types, macs };
}

function finalOutput(index: GraphIndex, macs: ReadonlyMap<NodeProto, number>, wanted: string | undefined): string {
  const names = index.outputs.map((o) => o.name);
  if (wanted !== undefined) {
    if (names.includes(wanted)) return wanted;
    throw new RangeError(`"${wanted}" is not an output of the model; it has ${names.join(", ")}`);
  }
  let best: string | undefined;
  let most = -1;
  for (const name of names) {
    const behind = sum(ancestors(index, [name]), macs);
    if (behind > most) [best, most] = [name, behind];
  }
  if (best === undefined) throw new SpinnError("InvalidModel", "The model has no output");
  return best;
}

/** The nodes that `tensors` need, themselves included. */
export function ancestors(index: GraphIndex, tensors: readonly string[]): Set<NodeProto> {
  const found = new Set<NodeProto>();
  const open = [...tensors];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const node = index.producer.get(name);
    if (!node || found.has(node)) continue;
    found.add(node);
    for (const input of node.input) open.push(input);
  }
  return found;
}

/** A place to stop: the nodes that have run, and what the others need from them. */
export interface Boundary {
  /** The trunk nodes that have run: exactly those that the tensor needs. */
  readonly before: ReadonlySet<NodeProto>;
  /** What later nodes read: the tensor itself, then the others (graph inputs, skip connections) in graph order. */
  readonly live: readonly string[];
  /** Multiply-adds of the nodes that have run. */
  readonly macsBefore: number;
}

/** The boundary right after trunk tensor `name` is known, when nothing has run that it does not need. */
export function boundaryAfter(trunk: Trunk, name: string): Boundary {
  const needed = ancestors(trunk.index, [name]);
  const before = new Set<NodeProto>();
  const known = new Set(trunk.index.inputs.map((i) => i.name));
  const later: NodeProto[] = [];
  for (const node of trunk.nodes) {
    if (!needed.has(node)) {
      later.push(node);
      continue;
    }
    before.add(node);
    for (const output of node.output) if (output) known.add(output);
  }
  const read = new Set(later.flatMap((node) => node.input));
  const others = [...known].filter((tensor) => tensor !== name);
  return { before, live: [name, ...others].filter((t) => read.has(t)), macsBefore: sum(before, trunk.macs) };
}

function sum(nodes: Iterable<NodeProto>, macs: ReadonlyMap<NodeProto, number>): number {
  let total = 0;
  for (const node of nodes) total += macs.get(node) ?? 0;
  return total;
}
