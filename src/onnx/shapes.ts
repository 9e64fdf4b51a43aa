// Shape inference, for the operators of image classifiers and of the training graphs that we make from them. Operator
// definitions: ONNX Operators.md, opset 11 to 21.

import { SpinnError } from "../errors.ts";
import { graphOf } from "./graph-index.ts";
import { label, nodeLabel, shapeLabel } from "./label.ts";
import { declaredType, type ModelProto, type NodeProto } from "./proto.ts";
import { arrangementRules } from "./shape-rules/arrangement-rules.ts";
import { constantRules } from "./shape-rules/constant-rules.ts";
import { elementwiseRules } from "./shape-rules/elementwise-rules.ts";
import { layerRules } from "./shape-rules/layer-rules.ts";
import { reductionRules } from "./shape-rules/reduction-rules.ts";
import { fail, type ShapeRules } from "./shape-rules/shape-rule.ts";
import { infoOf, isShape, type TensorInfo } from "./tensor-info.ts";

const shapeRules: ShapeRules = {
  ...elementwiseRules,
  ...layerRules,
  ...reductionRules,
  ...arrangementRules,
  ...constantRules,
};

/** Can we infer the shapes of this operator's outputs? */
export function isKnownOperator(node: NodeProto): boolean {
  return Object.hasOwn(shapeRules, ruleKey(node));
}

function ruleKey(node: NodeProto): string {
  return node.domain && node.domain !== "ai.onnx" ? `${node.domain}:${node.opType}` : node.opType;
}

/**
 * The types of one node's outputs.
 *
 * @throws {SpinnError} UnsupportedModel for an operator outside the table, InvalidModel where the shapes do not fit
 */
export function inferNode(node: NodeProto, inputs: readonly (TensorInfo | undefined)[]): TensorInfo[] {
  const rule = isKnownOperator(node) ? shapeRules[ruleKey(node)] : undefined;
  if (!rule) {
    throw new SpinnError(
      "UnsupportedModel",
      `${nodeLabel(node)} is an operator that is not known${node.domain ? `, of domain ${label(node.domain)}` : ""}`,
      { hint: "Export the network with the standard ONNX operators of image classifiers" },
    );
  }
  const c = { node, inputs };
  const outputs = rule(c);
  for (const { dims } of outputs) if (!isShape(dims)) fail(c, `the output cannot have shape ${shapeLabel(dims)}`);
  return outputs;
}

/**
 * The type of every tensor of the graph, with all unknown dimensions of the inputs (the batch) set to `batch`.
 *
 * @throws {SpinnError} as {@link inferNode}, and InvalidModel when a node reads a tensor that nothing has made
 */
export function inferShapes(model: ModelProto, batch = 1): Map<string, TensorInfo> {
  const graph = graphOf(model);
  const types = new Map<string, TensorInfo>();
  for (const tensor of graph.initializer) types.set(tensor.name, infoOf(tensor));
  for (const info of graph.input) {
    if (types.has(info.name)) continue;
    const declared = declaredType(info);
    if (!declared?.dims) throw new SpinnError("UnsupportedModel", `Input ${label(info.name)} declares no shape`);
    types.set(info.name, {
      elemType: declared.elemType,
      dims: declared.dims.map((d) => (typeof d === "number" ? d : batch)),
    });
  }
  for (const node of graph.node) {
    const inputs = node.input.map((name) => {
      if (!name) return undefined;
      const type = types.get(name);
      if (type) return type;
      throw new SpinnError("InvalidModel", `${nodeLabel(node)} reads ${label(name)}, which nothing before it makes`);
    });
    const outputs = inferNode(node, inputs);
    node.output.forEach((name, i) => {
      const type = outputs[i];
      if (name && type) types.set(name, type);
    });
  }
  return types;
}
