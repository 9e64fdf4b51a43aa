// Bringing a model to a newer operator set, so that everything behind knows one way to write each operator. What changed
// and when: ONNX Changelog.md, for the operators of shapes.ts between opset 11 and 21.

import { SpinnError } from "../errors.ts";
import { floatAttribute, hasAttribute, intAttribute, intsAttribute, stringAttribute } from "./attributes.ts";
import { graphOf, indexGraph } from "./graph-index.ts";
import { label, nodeLabel } from "./label.ts";
import {
  edit,
  floatTensor,
  int64Tensor,
  irVersionOf,
  type ModelProto,
  makeNode,
  type NodeProto,
  opsetOf,
  type TensorProto,
} from "./proto.ts";
import { inferShapes } from "./shapes.ts";
import type { TensorInfo } from "./tensor-info.ts";
import { floatValues } from "./tensor-values.ts";
import { MAX_OPSET } from "./validate.ts";

/** The lowest opset to upgrade to: since then shapes, axes and splits are inputs nearly everywhere. */
const MIN_TARGET = 13;

/** Where the rules read shapes and weights, and leave the constants that they make. */
class Workbench {
  readonly added: TensorProto[] = [];
  readonly #names: Set<string>;
  readonly #constants = new Map<string, string>();
  readonly #initializers: ReadonlyMap<string, TensorProto>;
  readonly #read: ReadonlySet<string>;
  readonly types: ReadonlyMap<string, TensorInfo>;

  constructor(model: ModelProto) {
    const index = indexGraph(graphOf(model));
    this.types = inferShapes(model);
    this.#names = new Set(this.types.keys());
    this.#initializers = index.initializers;
    this.#read = new Set([...index.consumers.keys(), ...index.outputs.map((o) => o.name)]);
  }

  fresh(stem: string): string {
    let name = stem;
    for (let i = 1; this.#names.has(name); i++) name = `${stem}_${i}`;
    this.#names.add(name);
    return name;
  }

  ints(values: readonly number[]): string {
    return this.#constant(`ints_${values.join("_")}`, (name) => int64Tensor(name, values));
  }

  scalar(value: number): string {
    return this.#constant(`scalar_${value}`, (name) => floatTensor(name, Float32Array.of(value), []));
  }

  add(tensor: TensorProto): string {
    this.added.push(tensor);
    return tensor.name;
  }

  initializer(name: string | undefined): TensorProto | undefined {
    return this.#initializers.get(name ?? "");
  }

  isRead(name: string): boolean {
    return this.#read.has(name);
  }

  #constant(stem: string, make: (name: string) => TensorProto): string {
    const known = this.#constants.get(stem);
    if (known) return known;
    const name = this.add(make(this.fresh(stem)));
    this.#constants.set(stem, name);
    return name;
  }
}

/** Writes one node as the newer operator set wants it, as one or more nodes. */
type Rewrite = (node: NodeProto, bench: Workbench) => NodeProto[];

function without(node: NodeProto, attribute: string): NodeProto {
  return edit(node, { attribute: node.attribute.filter((a) => a.name !== attribute) });
}

/** An attribute that became the input at `position`. */
const intsToInput =
  (attribute: string, position: number): Rewrite =>
  (node, bench) => {
    const values = intsAttribute(node, attribute);
    if (!values) return [node];
    const input = [...node.input];
    input[position] = bench.ints(values);
    return [edit(without(node, attribute), { input })];
  };

const axesToInput = intsToInput("axes", 1);

/** Until 12 there was no training mode here: the ratio said nothing about inference, and says nothing now. */
const dropout: Rewrite = (node, bench) => {
  if (!hasAttribute(node, "ratio")) return [node];
  const ratio = bench.scalar(floatAttribute(node, "ratio", 0.5));
  return [edit(without(node, "ratio"), { input: [node.input[0] ?? "", ratio] })];
};

/** Until 13 everything from `axis` on was one flat axis; since then only `axis` itself is normalised. */
const softmax: Rewrite = (node, bench) => {
  const dims = bench.types.get(node.input[0] ?? "")?.dims ?? [];
  const given = intAttribute(node, "axis", 1);
  const axis = given < 0 ? given + dims.length : given;
  const along = (input: string, output: string, at: number): NodeProto =>
    makeNode(node.opType, [input], [output], { axis: at });
  const [input = ""] = node.input;
  const [output = ""] = node.output;
  if (dims.slice(axis + 1).every((d) => d === 1)) return [edit(along(input, output, axis), { name: node.name })];
  const flat = bench.fresh(`${output}_flat`);
  const result = bench.fresh(`${output}_flat_result`);
  const shape = bench.fresh(`${output}_shape`);
  return [
    makeNode("Flatten", [input], [flat], { axis }),
    along(flat, result, 1),
    makeNode("Shape", [input], [shape]),
    makeNode("Reshape", [result, shape], [output], {}, { name: node.name }),
  ];
};

/** One of the ways to place pixels went away in 13. */
const resize: Rewrite = (node) => {
  if (stringAttribute(node, "coordinate_transformation_mode", "") !== "tf_half_pixel_for_nn") return [node];
  throw new SpinnError("UnsupportedModel", `${nodeLabel(node)} places pixels by tf_half_pixel_for_nn`, {
    hint: "Export the network with opset 13 or newer",
  });
};

/** Until 14 a second output meant training mode. */
const batchNorm: Rewrite = (node, bench) => {
  const [y = "", ...training] = node.output;
  if (training.some((name) => bench.isRead(name))) {
    throw new SpinnError("UnsupportedModel", `${nodeLabel(node)} is in training mode`, {
      hint: "Export the network for inference",
    });
  }
  return [edit(node, { output: [y] })];
};

/** Since 18 the number of equal parts is said, not counted. */
const split: Rewrite = (node) => {
  if (node.input[1]) return [node];
  const count = makeNode("Split", [], [], { num_outputs: node.output.length }).attribute;
  return [edit(node, { attribute: [...node.attribute, ...count] })];
};

/** Until 21 scale and bias had one value a group, since then one a channel. */
const groupNorm: Rewrite = (node, bench) => {
  const groups = intAttribute(node, "num_groups", 1);
  const channels = bench.types.get(node.input[0] ?? "")?.dims[1] ?? 0;
  const perChannel = (name: string): string => {
    const tensor = bench.initializer(name);
    if (!tensor) {
      throw new SpinnError("UnsupportedModel", `${nodeLabel(node)} computes its parameter ${label(name)}`, {
        hint: "Export the network with constant normalisation parameters",
      });
    }
    const values = floatValues(tensor);
    const spread = Float32Array.from({ length: channels }, (_, i) => values[Math.floor((i * groups) / channels)]!);
    return bench.add(floatTensor(bench.fresh(`${name}_channels`), spread, [channels]));
  };
  const [x = "", scale = "", bias = ""] = node.input;
  return [edit(node, { input: [x, perChannel(scale), perChannel(bias)] })];
};

/** By the version that brought the change. */
const rewrites: Readonly<Record<number, Readonly<Record<string, Rewrite>>>> = {
  12: { Dropout: dropout },
  13: {
    LogSoftmax: softmax,
    ReduceSum: axesToInput,
    Resize: resize,
    Softmax: softmax,
    Split: intsToInput("split", 1),
    Squeeze: axesToInput,
    Unsqueeze: axesToInput,
  },
  14: { BatchNormalization: batchNorm },
  18: {
    ReduceMax: axesToInput,
    ReduceMean: axesToInput,
    ReduceMin: axesToInput,
    ReduceSumSquare: axesToInput,
    Split: split,
  },
  21: { GroupNormalization: groupNorm },
};

/**
 * The same model in operator set `to`; the very same one when it is there already. Results in onnxruntime stay bit-identical,
 * but for the last bit of AveragePool, which has another kernel there from opset 19 on.
 *
 * @param to 13 to 21, and no less than the model's own
 * @throws {RangeError} for another `to`
 * @throws {SpinnError} UnsupportedModel for an operator outside the table, or a form of one that `to` no longer has
 */
export function upgradeOpset(model: ModelProto, to: number): ModelProto {
  const from = opsetOf(model);
  if (to === from) return model;
  if (!(Number.isInteger(to) && to >= MIN_TARGET && to <= MAX_OPSET && to > from)) {
    throw new RangeError(`Cannot upgrade a model of opset ${from} to ${to}: ${MIN_TARGET} to ${MAX_OPSET} is possible`);
  }
  const graph = graphOf(model);
  const bench = new Workbench(model);
  let nodes: NodeProto[] = graph.node;
  for (let version = from + 1; version <= to; version++) {
    const rules = rewrites[version];
    if (rules) nodes = nodes.flatMap((node) => ruleFor(rules, node)?.(node, bench) ?? [node]);
  }
  return edit(model, {
    irVersion: BigInt(Math.max(Number(model.irVersion), Number(irVersionOf(to)))),
    opsetImport: model.opsetImport.map((o) =>
      o.domain === "" || o.domain === "ai.onnx" ? edit(o, { version: BigInt(to) }) : o,
    ),
    graph: edit(graph, { node: nodes, initializer: [...graph.initializer, ...bench.added] }),
  });
}

function ruleFor(rules: Readonly<Record<string, Rewrite>>, node: NodeProto): Rewrite | undefined {
  const standard = node.domain === "" || node.domain === "ai.onnx";
  return standard && Object.hasOwn(rules, node.opType) ? rules[node.opType] : undefined;
}
