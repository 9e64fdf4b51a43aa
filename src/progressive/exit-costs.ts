// What each exit costs, derived from the graph alone: the multiply-adds of everything that its answer needs, the heads
// of the exits before it included, since progressive inference has run them by then.

import { countMacs } from "../onnx/flops.ts";
import { graphOf, indexGraph } from "../onnx/graph-index.ts";
import type { ModelProto, NodeProto } from "../onnx/proto.ts";
import { ancestors } from "../onnx/trunk.ts";

export interface ExitCosts {
  /** Of everything: trunk and all heads. */
  readonly totalMacs: number;
  /** Up to each output, over `totalMacs`; the last is 1. */
  readonly flopsFractions: readonly number[];
  /** Of each exit's head alone; 0 for the final output, which has none. */
  readonly headMacs: readonly number[];
}

/**
 * @param exits outputs in order, each with the trunk tensor that its head reads; the final output, last, with none
 * @throws {SpinnError} InvalidModel or UnsupportedModel when shapes cannot be inferred
 */
export function exitCosts(model: ModelProto, exits: readonly { output: string; at?: string }[]): ExitCosts {
  const index = indexGraph(graphOf(model));
  const { byNode } = countMacs(model);
  const sum = (nodes: Iterable<NodeProto>): number => {
    let total = 0;
    for (const node of nodes) total += byNode.get(node) ?? 0;
    return total;
  };
  const done = new Set<NodeProto>();
  const cumulative = exits.map(({ output }) => {
    for (const node of ancestors(index, [output])) done.add(node);
    return sum(done);
  });
  const headMacs = exits.map(({ output, at }) =>
    at === undefined ? 0 : sum(ancestors(index, [output])) - sum(ancestors(index, [at])),
  );
  const totalMacs = cumulative.at(-1) ?? 0;
  return { totalMacs, flopsFractions: cumulative.map((macs) => (totalMacs > 0 ? macs / totalMacs : 1)), headMacs };
}
