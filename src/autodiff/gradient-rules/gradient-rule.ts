// A rule from the gradient of an operator's output to those of its inputs, and what rules have in common.

import type { GraphBuilder } from "../../onnx/builder.ts";
import type { NodeProto } from "../../onnx/proto.ts";
import { expand } from "../emit.ts";

/** What a rule sees of the node it differentiates. */
export interface RuleContext {
  readonly b: GraphBuilder;
  readonly node: NodeProto;
  /** Gradient of output 0 in a shape that broadcasts to the output's (global pooling leaves [N, C, 1, 1]). */
  readonly dy: string;
  /** Channels in a block of the runtime's own layout; 0: ordinary convolutions only. */
  readonly block: number;
  /** Does anything behind input `index` want its gradient? */
  needs(index: number): boolean;
}

/** One gradient for every input; undefined where none is needed or none exists. */
export type GradientRule = (c: RuleContext) => (string | undefined)[];

/** By operator. */
export type GradientRules = Readonly<Record<string, GradientRule>>;

export const inputDims = (c: RuleContext, index: number): readonly number[] => c.b.dims(c.node.input[index]!);
/** dy in the output's own shape. */
export const fullDy = (c: RuleContext): string => expand(c.b, c.dy, c.b.dims(c.node.output[0]!));
