// A rule of shape inference, and what rules have in common.

import { SpinnError } from "../../errors.ts";
import { intsAttribute } from "../attributes.ts";
import { nodeLabel, shapeLabel } from "../label.ts";
import type { NodeProto } from "../proto.ts";
import type { TensorInfo } from "../tensor-info.ts";

/** What a rule sees of the node. */
export interface Context {
  readonly node: NodeProto;
  /** All inputs; an omitted optional input is undefined. */
  readonly inputs: readonly (TensorInfo | undefined)[];
}

/** From the types of a node's inputs to those of its outputs. */
export type ShapeRule = (c: Context) => TensorInfo[];

/** By operator; a custom domain stands before a colon. */
export type ShapeRules = Readonly<Record<string, ShapeRule>>;

/** @throws {SpinnError} InvalidModel */
export function fail(c: Context, why: string): never {
  const shapes = c.inputs.slice(0, 8).map((i) => (i ? shapeLabel(i.dims) : "-"));
  throw new SpinnError("InvalidModel", `${nodeLabel(c.node)} on ${shapes.join(" ")}: ${why}`);
}

export function input(c: Context, index: number): TensorInfo {
  return c.inputs[index] ?? fail(c, `input ${index} is missing`);
}

export function constant(c: Context, index: number): readonly number[] {
  return input(c, index).values ?? fail(c, `input ${index} must be a constant`);
}

export function axisOf(c: Context, axis: number, rank: number): number {
  const a = axis < 0 ? axis + rank : axis;
  return a >= 0 && a < rank ? a : fail(c, `axis ${axis} is outside rank ${rank}`);
}

/** Axes as an attribute (older opsets) or an input (newer ones); undefined means all. */
export function axesOf(c: Context, rank: number): number[] | undefined {
  const axes = intsAttribute(c.node, "axes") ?? (c.inputs[1] ? constant(c, 1) : undefined);
  return axes?.map((a) => axisOf(c, a, rank));
}

export function broadcastDims(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const out: number[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    out.push(x === 1 ? y : x);
  }
  return out;
}

/** One output, of the first input's type. */
export const same: ShapeRule = (c) => [{ elemType: input(c, 0).elemType, dims: input(c, 0).dims }];
