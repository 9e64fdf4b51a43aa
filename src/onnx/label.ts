// How messages name the things of a file: in quotes, on one line and of bounded length, whatever the file holds.

import type { NodeProto } from "./proto.ts";

const MAX_NAME = 80;

/** A name in quotes, control characters escaped. */
export function label(name: string): string {
  return JSON.stringify(name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name);
}

/** `Node "conv1" (Conv)`; a node without a name goes by its first output. */
export function nodeLabel(node: NodeProto): string {
  return `Node ${label(node.name || (node.output[0] ?? ""))} (${node.opType.slice(0, MAX_NAME)})`;
}
