// Is this a network that we can work with? Everything behind this door may rely on the answer.

import { SpinnError } from "../errors.ts";
import { checkTensors } from "./check-tensors.ts";
import { graphOf, indexGraph } from "./graph-index.ts";
import { label, nodeLabel, shapeLabel } from "./label.ts";
import {
  AttributeType,
  declaredType,
  edit,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  opsetOf,
  type ValueInfoProto,
} from "./proto.ts";
import { inferShapes } from "./shapes.ts";
import { sortTopologically } from "./sort-topologically.ts";
import { isShape } from "./tensor-info.ts";

/** The versions of the standard operator set that our tables describe. */
export const MIN_OPSET = 11;
export const MAX_OPSET = 21;

const invalid = (message: string, hint?: string): SpinnError =>
  new SpinnError("InvalidModel", message, hint === undefined ? {} : { hint });
const unsupported = (message: string, hint: string): SpinnError =>
  new SpinnError("UnsupportedModel", message, { hint });

/**
 * Checks a model as it comes from a file: structure, names, order, weights, operators and shapes.
 *
 * @returns the model, its nodes sorted if they were not
 * @throws {SpinnError} InvalidModel for what no runtime could run, UnsupportedModel for what we cannot handle
 */
export function validateModel(model: ModelProto): ModelProto {
  checkVersions(model);
  const graph = graphOf(model);
  if (graph.node.length === 0) throw invalid("The graph has no nodes");
  if (graph.output.length === 0) throw invalid("The graph has no output");
  for (const node of graph.node) checkNode(node, model);
  for (const info of indexGraph(graph).inputs) checkInput(info);
  checkNames(graph);
  const sorted = sortTopologically(graph);
  const checked = sorted === graph ? model : edit(model, { graph: sorted });
  checkTensors(sorted);
  checkOutputs(checked);
  return checked;
}

function checkVersions(model: ModelProto): void {
  if (model.irVersion < 3n) throw invalid(`The file says ONNX IR version ${model.irVersion}, 3 or more is needed`);
  const opset = opsetOf(model);
  if (!(opset >= MIN_OPSET && opset <= MAX_OPSET)) {
    throw unsupported(
      `The model is written in ONNX opset ${opset}, ${MIN_OPSET} to ${MAX_OPSET} are supported`,
      "Export it with opset_version=17, or convert it with onnx.version_converter",
    );
  }
  if (model.functions.length > 0) {
    throw unsupported(
      `The model defines ${model.functions.length} function(s) of its own`,
      "Inline them (onnx.inliner)",
    );
  }
}

function checkNode(node: NodeProto, model: ModelProto): void {
  if (!node.output.some((name) => name)) throw invalid(`${nodeLabel(node)} makes nothing`);
  for (const a of node.attribute) {
    if (a.g || a.graphs.length > 0 || a.type === AttributeType.GRAPH || a.type === AttributeType.GRAPHS) {
      throw unsupported(`${nodeLabel(node)} contains a graph of its own`, "Export the network without control flow");
    }
  }
  if (!standard(node.domain) && !model.opsetImport.some((o) => o.domain === node.domain)) {
    throw invalid(`${nodeLabel(node)} is of domain ${label(node.domain)}, which the model does not import`);
  }
}

function standard(domain: string): boolean {
  return domain === "" || domain === "ai.onnx";
}

function checkInput(info: ValueInfoProto): void {
  const type = declaredType(info);
  if (!type?.dims)
    throw unsupported(`Input ${label(info.name)} declares no shape`, "Export it with a fixed image size");
  const shown = shapeLabel(type.dims);
  const sizes = type.dims.map((d) => (typeof d === "number" ? d : 1));
  if (!isShape(sizes) || sizes.includes(0))
    throw invalid(`Input ${label(info.name)} has the impossible shape ${shown}`);
  if (type.dims.slice(1).some((d) => typeof d === "string")) {
    throw unsupported(
      `Input ${label(info.name)} of shape ${shown} leaves more open than the batch, its first dimension`,
      "Export it with a fixed image size",
    );
  }
}

/** Every tensor has one name and one maker. */
function checkNames(graph: GraphProto): void {
  const made = new Map<string, string>();
  const define = (name: string, by: string): void => {
    const before = made.get(name);
    if (name === "") throw invalid(`${by} has no name`);
    if (before !== undefined) throw invalid(`Tensor ${label(name)} is made twice: by ${before} and by ${by}`);
    made.set(name, by);
  };
  for (const tensor of graph.initializer) define(tensor.name, "an initializer");
  for (const info of indexGraph(graph).inputs) define(info.name, "a graph input");
  for (const node of graph.node) {
    for (const name of node.output) if (name) define(name, nodeLabel(node));
  }
  for (const node of graph.node) {
    for (const name of node.input) {
      if (name && !made.has(name)) throw invalid(`${nodeLabel(node)} reads ${label(name)}, which nothing makes`);
    }
  }
  const nodes = new Set<string>();
  for (const { name } of graph.node) {
    if (name && nodes.has(name))
      throw invalid(`Two nodes are called ${label(name)}`, "Rename one or leave both unnamed");
    nodes.add(name);
  }
  const outputs = new Set<string>();
  for (const { name } of graph.output) {
    if (!made.has(name)) throw invalid(`Nothing makes the graph's output ${label(name)}`);
    if (outputs.has(name)) throw invalid(`The graph lists its output ${label(name)} twice`);
    outputs.add(name);
  }
}

/** Runs shape inference, and compares its result with what the file declares. */
function checkOutputs(model: ModelProto): void {
  const types = inferShapes(model);
  for (const info of graphOf(model).output) {
    const declared = declaredType(info)?.dims;
    const dims = types.get(info.name)?.dims;
    if (!dims) throw invalid(`The output ${label(info.name)} has no type that can be inferred`);
    const fits = declared?.length === dims.length && declared.every((d, i) => typeof d === "string" || d === dims[i]);
    if (declared && !fits) {
      throw invalid(
        `Output ${label(info.name)} is declared as ${shapeLabel(declared)}, the graph makes ${shapeLabel(dims)}`,
      );
    }
  }
}
