// All gradients in one table: from an operator to the nodes that carry a gradient from its output to its inputs.

import { SpinnError } from "../errors.ts";
import type { NodeProto } from "../onnx/proto.ts";
import { activationGradients } from "./gradient-rules/activation-gradients.ts";
import { arithmeticGradients } from "./gradient-rules/arithmetic-gradients.ts";
import { arrangementGradients } from "./gradient-rules/arrangement-gradients.ts";
import type { GradientRule, GradientRules } from "./gradient-rules/gradient-rule.ts";
import { layerGradients } from "./gradient-rules/layer-gradients.ts";
import { poolingGradients } from "./gradient-rules/pooling-gradients.ts";

const rules: GradientRules = {
  ...arithmeticGradients,
  ...activationGradients,
  ...layerGradients,
  ...poolingGradients,
  ...arrangementGradients,
};

/** The operators that can stand between a trained weight and the loss. */
export const differentiableOperators: readonly string[] = Object.keys(rules);

/** @throws {SpinnError} UnsupportedModel for an operator outside the table */
export function gradientRule(node: NodeProto): GradientRule {
  const rule = node.domain ? undefined : rules[node.opType];
  if (rule) return rule;
  throw new SpinnError(
    "UnsupportedModel",
    `Operator ${node.opType} (node "${node.name || node.output[0]}") has no gradient rule`,
    {
      hint: "Train the heads only, or freeze everything before that node",
    },
  );
}
