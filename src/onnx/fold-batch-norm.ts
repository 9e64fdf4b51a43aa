// Batch normalisation at inference is a scale and a shift per channel: both go into the weights of the layer before it.

import { epsilonOf, floatAttribute, intAttribute } from "./attributes.ts";
import { type GraphIndex, graphOf, indexGraph } from "./graph-index.ts";
import { edit, floatTensor, type ModelProto, type NodeProto, type TensorProto } from "./proto.ts";
import { removeDead } from "./prune.ts";
import { dimsOf, floatValues } from "./tensor-values.ts";

/**
 * The model without the BatchNormalization nodes that are the only reader of a Conv or Gemm with constant weights. Results
 * agree within rounding (about 1e-6 of their size). The layer takes the normalised tensor's name.
 *
 * @throws {SpinnError} UnsupportedModel when such weights are not float32
 */
export function foldBatchNorm(model: ModelProto): ModelProto {
  const graph = graphOf(model);
  const index = indexGraph(graph);
  const outputs = new Set(graph.output.map((o) => o.name));
  const used = new Set([...index.initializers.keys(), ...index.producer.keys(), ...graph.input.map((i) => i.name)]);
  const initializer = [...graph.initializer];
  const folded = new Map<NodeProto, NodeProto | undefined>();
  for (const norm of graph.node) {
    const layer = foldableLayer(norm, index, outputs);
    const parts = layer && foldedWeights(layer, norm, index);
    if (!layer || !parts) continue;
    const [x = "", weight = ""] = layer.input;
    const names = ["weight", "bias"].map((part) => {
      let name = `${norm.output[0]}.${part}`;
      while (used.has(name)) name += "_";
      used.add(name);
      return name;
    });
    const weightDims = dimsOf(index.initializers.get(weight)!);
    initializer.push(floatTensor(names[0]!, parts.weight, weightDims));
    initializer.push(floatTensor(names[1]!, parts.bias, [parts.bias.length]));
    // The bias now has all of Gemm's beta in it.
    const attribute = layer.attribute.filter((a) => a.name !== "beta");
    folded.set(layer, edit(layer, { input: [x, ...names], output: [norm.output[0] ?? ""], attribute }));
    folded.set(norm, undefined);
  }
  const node = graph.node.flatMap((n) => (folded.has(n) ? (folded.get(n) ?? []) : n));
  return removeDead(edit(model, { graph: edit(graph, { node, initializer }) }));
}

/** The layer before a normalisation, if nothing else sees what lies between them. */
function foldableLayer(norm: NodeProto, index: GraphIndex, outputs: ReadonlySet<string>): NodeProto | undefined {
  if (norm.opType !== "BatchNormalization" || norm.domain || intAttribute(norm, "training_mode", 0) === 1)
    return undefined;
  if (norm.output.slice(1).some((name) => name !== "")) return undefined;
  const [between = ""] = norm.input;
  const layer = index.producer.get(between);
  const readers = index.consumers.get(between) ?? [];
  if (!layer || layer.domain || readers.length !== 1 || outputs.has(between)) return undefined;
  return layer.opType === "Conv" || layer.opType === "Gemm" ? layer : undefined;
}

interface Weights {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** New weights of a layer; undefined when any part is computed or not one value per channel. */
function foldedWeights(layer: NodeProto, norm: NodeProto, index: GraphIndex): Weights | undefined {
  const constants = (names: readonly string[]): TensorProto[] =>
    names.flatMap((name) => index.initializers.get(name) ?? []);
  const params = constants(norm.input.slice(1, 5));
  const [weightTensor] = constants(layer.input.slice(1, 2));
  const biasName = layer.input[2] ?? "";
  const [biasTensor] = constants([biasName]);
  if (params.length !== 4 || !weightTensor || (biasName && !biasTensor)) return undefined;
  const [gamma, beta, mean, variance] = params.map(floatValues) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const channels = gamma.length;
  const oldBias = biasTensor ? floatValues(biasTensor) : new Float32Array(1);
  if (oldBias.length !== 1 && (oldBias.length !== channels || dimsOf(biasTensor!).at(-1) !== channels))
    return undefined;

  const epsilon = epsilonOf(norm);
  const scale = Float64Array.from(variance, (v, c) => gamma[c]! / Math.sqrt(v + epsilon));
  const gemm = layer.opType === "Gemm";
  const biasFactor = gemm ? floatAttribute(layer, "beta", 1) : 1;
  const bias = Float32Array.from({ length: channels }, (_, c) => {
    const before = biasFactor * (oldBias.length === 1 ? oldBias[0]! : oldBias[c]!);
    return (before - mean[c]!) * scale[c]! + beta[c]!;
  });
  const weight = floatValues(weightTensor);
  // [M, ...] keeps a channel's weights together, a Gemm's [K, M] interleaves them.
  const interleaved = gemm && intAttribute(layer, "transB", 0) === 0;
  const perChannel = weight.length / channels;
  return {
    weight: weight.map((w, i) => w * scale[interleaved ? i % channels : Math.floor(i / perChannel)]!),
    bias,
  };
}
