// Reading a node's attributes as plain values, with the defaults that the operator's definition gives.

import { SpinnError } from "../errors.ts";
import { nodeLabel } from "./label.ts";
import { type AttributeProto, AttributeType, type NodeProto, type TensorProto } from "./proto.ts";

/** @throws {SpinnError} InvalidModel when the attribute is there with another type */
function find(node: NodeProto, name: string, type: AttributeType): AttributeProto | undefined {
  const found = node.attribute.find((a) => a.name === name);
  if (found && found.type !== type) {
    const is = AttributeType[found.type] ?? found.type;
    throw new SpinnError(
      "InvalidModel",
      `${nodeLabel(node)}: attribute "${name}" is ${is} instead of ${AttributeType[type]}`,
    );
  }
  return found;
}

export function hasAttribute(node: NodeProto, name: string): boolean {
  return node.attribute.some((a) => a.name === name);
}

export function intAttribute(node: NodeProto, name: string, fallback: number): number {
  const a = find(node, name, AttributeType.INT);
  return a ? Number(a.i) : fallback;
}

export function floatAttribute(node: NodeProto, name: string, fallback: number): number {
  return find(node, name, AttributeType.FLOAT)?.f ?? fallback;
}

export function intsAttribute(node: NodeProto, name: string): number[] | undefined {
  return find(node, name, AttributeType.INTS)?.ints.map(Number);
}

export function stringAttribute(node: NodeProto, name: string, fallback: string): string {
  const a = find(node, name, AttributeType.STRING);
  return a ? new TextDecoder().decode(a.s) : fallback;
}

export function tensorAttribute(node: NodeProto, name: string): TensorProto | undefined {
  return find(node, name, AttributeType.TENSOR)?.t;
}

/** BatchNormalization's epsilon, 1e-5 by definition. */
export function epsilonOf(node: NodeProto): number {
  return floatAttribute(node, "epsilon", 1e-5);
}
