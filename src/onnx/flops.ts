// Cost of a network in multiply-adds (MACs), counted as the published figures do: convolutions and matrix products, and
// nothing for biases, normalisation, activations and pooling (SPINN, 4.2: exits sit at fractions of the total).

import { sizeOf } from "../tensor.ts";
import { intAttribute } from "./attributes.ts";
import { graphOf } from "./graph-index.ts";
import type { ModelProto, NodeProto } from "./proto.ts";
import { inferShapes } from "./shapes.ts";
import type { TensorInfo } from "./tensor-info.ts";

type Types = ReadonlyMap<string, TensorInfo>;
type MacRule = (node: NodeProto, input: readonly (readonly number[])[], output: readonly number[]) => number;

/** Weights that one output value of a convolution sees: [M, C / group, ...kernel] without M. */
function perOutput(weight: readonly number[]): number {
  return sizeOf(weight.slice(1));
}

const matmul: MacRule = (node, [a = []], output) => {
  const inner = intAttribute(node, "transA", 0) === 1 ? a[a.length - 2] : a[a.length - 1];
  return sizeOf(output) * (inner ?? 1);
};

const macRules: Readonly<Record<string, MacRule>> = {
  Conv: (_, [, w = []], output) => sizeOf(output) * perOutput(w),
  // Every input value meets [C, M / group, ...kernel] without C.
  ConvTranspose: (_, [x = [], w = []]) => sizeOf(x) * perOutput(w),
  Gemm: matmul,
  MatMul: matmul,
  FusedMatMul: matmul,
};

/** Multiply-adds of one node, given the types of its tensors (see {@link inferShapes}). */
export function nodeMacs(node: NodeProto, types: Types): number {
  const rule = macRules[node.opType];
  const output = types.get(node.output[0] ?? "");
  if (!rule || !output) return 0;
  return rule(
    node,
    node.input.map((name) => types.get(name)?.dims ?? []),
    output.dims,
  );
}

export interface MacCount {
  readonly total: number;
  readonly byNode: ReadonlyMap<NodeProto, number>;
}

/**
 * Multiply-adds of a model and of each of its nodes.
 *
 * @param types shapes to count with; one image by default
 * @throws {SpinnError} as {@link inferShapes}
 */
export function countMacs(model: ModelProto, types: Types = inferShapes(model)): MacCount {
  const byNode = new Map(graphOf(model).node.map((node) => [node, nodeMacs(node, types)]));
  let total = 0;
  for (const macs of byNode.values()) total += macs;
  return { total, byNode };
}
