// Where a network may be split between device and server, and what must then cross the link (SPINN, 4.1: after ReLUs,
// whose zeros compress well).

import { floatAttribute, tensorAttribute } from "../onnx/attributes.ts";
import type { GraphIndex } from "../onnx/graph-index.ts";
import type { ModelProto, NodeProto } from "../onnx/proto.ts";
import { bytesPerElement, floatValues } from "../onnx/tensor-values.ts";
import { type Boundary, boundaryAfter, type Trunk, type TrunkOptions, trunkOf } from "../onnx/trunk.ts";
import { sizeOf } from "../tensor.ts";

export interface CutTensor {
  readonly name: string;
  /** For one image. */
  readonly shape: readonly number[];
}

/** One way to split. The device computes exactly what `tensors` need, the server the rest of the trunk. */
export interface Cut {
  /** `input` (all on the server), `none` (all on the device), or the tensor after which the network is cut. */
  readonly id: string;
  /** What crosses the link: the tensor itself, then whatever else the rest needs (skip connections). */
  readonly tensors: readonly CutTensor[];
  /** Their size for one image, uncompressed. */
  readonly bytes: number;
  /** Multiply-adds on the device, exits not counted. */
  readonly macsBefore: number;
  /** Position in the graph of the last node before the cut; -1 for `input`. */
  readonly index: number;
}

export interface CutOptions extends TrunkOptions {
  /** After ReLU-like activations only, as the paper has it, or after any node. @default "relu" */
  cuts?: "relu" | "any";
  /** Leaves out cuts where more tensors cross the link. @default no limit */
  maxTensors?: number;
}

/**
 * The cuts of a valid model from `input` to `none`, in graph order. Heads of early exits are not part of the trunk, so that
 * they neither cross the link nor make tensors live.
 *
 * @throws {SpinnError} as `trunkOf`
 */
export function cutCandidates(model: ModelProto, options: CutOptions = {}): Cut[] {
  const { cuts = "relu", maxTensors = Number.POSITIVE_INFINITY } = options;
  const trunk = trunkOf(model, options);
  const position = new Map(trunk.index.graph.node.map((node, i) => [node, i]));
  const found = [inputCut(trunk)];
  for (const node of trunk.nodes) {
    if (cuts === "relu" && !leavesZeros(node, trunk.index)) continue;
    const boundary = liveBoundary(trunk, node);
    if (!boundary || boundary.live.length > maxTensors) continue;
    found.push(describe(trunk, boundary.live[0]!, boundary.live, boundary.macsBefore, position.get(node)!));
  }
  const last = trunk.nodes.at(-1);
  const total = boundaryAfter(trunk, trunk.output).macsBefore;
  found.push(describe(trunk, "none", [], total, last ? position.get(last)! : -1));
  return found;
}

function inputCut(trunk: Trunk): Cut {
  const read = new Set(trunk.nodes.flatMap((node) => node.input));
  const inputs = trunk.index.inputs.map((info) => info.name).filter((name) => read.has(name));
  return describe(trunk, "input", inputs, 0, -1);
}

/** The boundary after the first of a node's outputs that the trunk goes on to read; its others are live with it. */
function liveBoundary(trunk: Trunk, node: NodeProto): Boundary | undefined {
  for (const name of node.output) {
    const boundary = boundaryAfter(trunk, name);
    if (boundary.live[0] === name) return boundary;
  }
  return undefined;
}

function describe(trunk: Trunk, id: string, live: readonly string[], macsBefore: number, index: number): Cut {
  let bytes = 0;
  const tensors = live.map((name): CutTensor => {
    const { dims, elemType } = trunk.types.get(name)!;
    bytes += sizeOf(dims) * (bytesPerElement(elemType) ?? 0);
    return { name, shape: dims };
  });
  return { id, tensors, bytes, macsBefore, index };
}

/**
 * Does the node turn a whole range of values into exact zeros? Relu, Clip from 0 (ReLU6) and HardSwish do. LeakyRelu, PRelu,
 * SiLU, GELU and their like do not: nothing for a compressor to find, so that they are left to `"any"`.
 */
function leavesZeros(node: NodeProto, index: GraphIndex): boolean {
  if (node.domain) return false;
  if (node.opType === "Relu" || node.opType === "HardSwish") return true;
  return node.opType === "Clip" && constantScalar(node.input[1] ?? "", index) === 0;
}

function constantScalar(name: string, index: GraphIndex): number | undefined {
  const node = index.producer.get(name);
  const inline = node?.opType === "Constant" ? node : undefined;
  const tensor = index.initializers.get(name) ?? (inline && tensorAttribute(inline, "value"));
  if (tensor) return floatValues(tensor)[0];
  return inline && floatAttribute(inline, "value_float", Number.NaN);
}
