// Reading a node's attributes as plain values, with the defaults that the operator's definition gives.

import type { AttributeProto, NodeProto, TensorProto } from "./proto.ts";

function find(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((a) => a.name === name);
}

export function hasAttribute(node: NodeProto, name: string): boolean {
  return find(node, name) !== undefined;
}

export function intAttribute(node: NodeProto, name: string, fallback: number): number {
  const a = find(node, name);
  return a ? Number(a.i) : fallback;
}

export function floatAttribute(node: NodeProto, name: string, fallback: number): number {
  return find(node, name)?.f ?? fallback;
}

export function intsAttribute(node: NodeProto, name: string): number[] | undefined {
  return find(node, name)?.ints.map(Number);
}

export function stringAttribute(node: NodeProto, name: string, fallback: string): string {
  const a = find(node, name);
  return a ? new TextDecoder().decode(a.s) : fallback;
}

export function tensorAttribute(node: NodeProto, name: string): TensorProto | undefined {
  return find(node, name)?.t;
}
