// How messages name the things of a file: on one line and of bounded length, whatever the file holds.

import type { Dim, NodeProto } from "./proto.ts";

const MAX_NAME = 80;
const MAX_DIMS = 8;

/** A name in quotes, control characters escaped. */
export function label(name: string): string {
  return JSON.stringify(name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name);
}

/** `Node "conv1" (Conv)`; a node without a name goes by its first output. */
export function nodeLabel(node: NodeProto): string {
  return `Node ${label(node.name || (node.output[0] ?? ""))} (${bare(node.opType)})`;
}

/** `[N, 3, 32, 32]` */
export function shapeLabel(dims: readonly Dim[]): string {
  const shown = dims.slice(0, MAX_DIMS).map((d) => (typeof d === "number" ? d : bare(d)));
  return `[${shown.join(", ")}${dims.length > MAX_DIMS ? ", …" : ""}]`;
}

function bare(name: string): string {
  return label(name).slice(1, -1);
}
