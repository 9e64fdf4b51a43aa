// Cutting a model: the part of it that computes some tensors from others, as a model of its own (SPINN, 4.1: the device's
// and the server's part).

import { isSpinnError } from "../errors.ts";
import { graphOf, indexGraph } from "./graph-index.ts";
import { label } from "./label.ts";
import {
  type Dim,
  declaredType,
  edit,
  type ModelProto,
  makeValueInfo,
  type NodeProto,
  type ValueInfoProto,
} from "./proto.ts";
import { inferShapes } from "./shapes.ts";
import type { TensorInfo } from "./tensor-info.ts";

export interface SliceEnds {
  /** The tensors that will be fed; the slice's inputs in this order. */
  readonly from: readonly string[];
  /** The tensors to compute; the slice's outputs in this order. */
  readonly to: readonly string[];
}

/**
 * The model that computes the tensors `to` from the tensors `from`: the nodes and weights that takes and no others. Any
 * tensor can be an end, with its own name and type; a batch that is open in the model is open in the slice.
 * `metadata_props` stay behind, because they speak of the whole. Slices do the arithmetic of the whole, bit for bit, unless
 * the runtime optimises them: what it fuses across a cut or lays out anew rounds otherwise.
 *
 * @param model a valid model
 * @throws {RangeError} when an end does not exist or is both, or when something outside `from` is needed
 * @throws {SpinnError} as `inferShapes`
 * @example sliceModel(model, { from: ["relu3", "skip"], to: ["logits"] })
 */
export function sliceModel(model: ModelProto, ends: SliceEnds): ModelProto {
  const types = declarations(model);
  for (const name of [...ends.from, ...ends.to]) {
    if (!types.has(name)) throw new RangeError(`Cannot slice at ${label(name)}: the model has no such tensor`);
  }
  return sliceWith(model, ends, (name) => {
    const { elemType, dims } = types.get(name)!;
    return makeValueInfo(name, elemType, dims);
  });
}

/**
 * As `sliceModel`, for a graph whose operators we need not know: whoever calls says how its ends are to be declared.
 *
 * @throws {RangeError} when an end is both given and wanted, or when something outside `from` is needed
 */
export function sliceWith(
  model: ModelProto,
  { from, to }: SliceEnds,
  declare: (name: string) => ValueInfoProto,
): ModelProto {
  const graph = graphOf(model);
  const index = indexGraph(graph);
  const given = new Set(from);
  const both = to.find((name) => given.has(name));
  if (both !== undefined) throw new RangeError(`Cannot slice: ${label(both)} is both given and wanted`);

  const needed = new Set<NodeProto>();
  const weights = new Set<string>();
  const open = [...to];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (given.has(name) || name === "") continue;
    const node = index.producer.get(name);
    if (!node) {
      if (!index.initializers.has(name)) throw insufficient(from, to, name);
      weights.add(name);
    } else if (!needed.has(node)) {
      needed.add(node);
      open.push(...node.input);
    }
  }

  // A node may be needed for one output while another of its outputs is given: that one gets out of the way.
  const outputName = (name: string): string => {
    let free = name;
    while (given.has(free) || (free !== name && (index.producer.has(free) || index.consumers.has(free)))) {
      free += "_computed";
    }
    return free;
  };
  const node = graph.node.filter((n) => needed.has(n)).map((n) => edit(n, { output: n.output.map(outputName) }));
  const made = new Set(node.flatMap((n) => n.output));
  const slice = edit(graph, {
    node,
    initializer: graph.initializer.filter((t) => weights.has(t.name)),
    valueInfo: graph.valueInfo.filter((info) => made.has(info.name)),
    input: from.map(declare),
    output: to.map(declare),
  });
  return edit(model, { graph: slice, metadataProps: [] });
}

function insufficient(from: readonly string[], to: readonly string[], name: string): RangeError {
  const list = (names: readonly string[]): string => names.map(label).join(", ");
  return new RangeError(`Cannot compute ${list(to)} from ${list(from)} alone: input ${label(name)} is needed too`);
}

interface Declaration {
  readonly elemType: TensorInfo["elemType"];
  readonly dims: readonly Dim[];
}

/** How to declare each tensor: what stays the same for two batch sizes is a number, what does not is open. */
function declarations(model: ModelProto): Map<string, Declaration> {
  const dims = indexGraph(graphOf(model)).inputs.flatMap((info) => declaredType(info)?.dims ?? []);
  const batchName = dims.find((d) => typeof d === "string" && d !== "?") ?? "N";
  const [two, three] = twoBatches(model);
  const declared = new Map<string, Declaration>();
  for (const [name, type] of two) {
    const other = three.get(name)?.dims ?? [];
    const open = (d: number, axis: number): Dim => (d === 2 ? batchName : `${name}_${axis}`);
    declared.set(name, {
      elemType: type.elemType,
      dims: type.dims.map((d, axis) => (d === other[axis] ? d : open(d, axis))),
    });
  }
  return declared;
}

/** Types for two batch sizes, neither 1, which broadcasts; equal ones for a network that can only take one image. */
function twoBatches(model: ModelProto): [Map<string, TensorInfo>, Map<string, TensorInfo>] {
  try {
    return [inferShapes(model, 2), inferShapes(model, 3)];
  } catch (error) {
    if (!isSpinnError(error)) throw error;
    const one = inferShapes(model, 1);
    return [one, one];
  }
}
