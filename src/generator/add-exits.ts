// The first step of SPINN's progressive model generator: a plain classifier becomes one with early exits, still one
// ordinary ONNX graph. The trunk stays as it is, to the bit; the heads come with initial weights.

import { SpinnError } from "../errors.ts";
import { articulationPoints } from "../onnx/articulation-points.ts";
import { GraphBuilder } from "../onnx/builder.ts";
import { countMacs } from "../onnx/flops.ts";
import { graphOf, indexGraph } from "../onnx/graph-index.ts";
import { label } from "../onnx/label.ts";
import {
  DataType,
  declaredType,
  edit,
  type ModelProto,
  makeValueInfo,
  type NodeProto,
  opsetOf,
} from "../onnx/proto.ts";
import { inferShapes } from "../onnx/shapes.ts";
import type { TensorInfo } from "../onnx/tensor-info.ts";
import { exitCosts } from "../progressive/exit-costs.ts";
import { classesOf, readMetadata, withMetadata } from "../progressive/metadata.ts";
import { createRng, mixSeed } from "../random.ts";
import { affordableWidth, appendHead, type HeadOptions } from "./heads.ts";
import { Layers } from "./layers.ts";
import { defaultFractions, placeExits } from "./place-exits.ts";

export interface AddExitsOptions {
  /** Where: rising fractions of the trunk's multiply-adds. @default 0.15, 0.3, 0.45, 0.6, 0.75, 0.9 */
  fractions?: readonly number[];
  head?: HeadOptions;
  /** Names the heads' initial weights. */
  seed: number;
}

/**
 * The classifier with an exit `exit1`, `exit2`, … for each fraction. Outputs are the exits' logits in order, then the
 * final ones: the original output, or what goes into its Softmax, so that all of them are logits. Every head stands
 * right behind the tensor that it reads, so that the graph's order is the order in which a progressive run computes.
 *
 * @throws {RangeError} for fractions that do not rise inside (0, 1)
 * @throws {SpinnError} UnsupportedModel when the network has exits already, has several outputs or too few places
 * @example const progressive = addExits(decodeModel(bytes), { seed: 1, head: { kind: "sdn" } });
 */
export function addExits(model: ModelProto, options: AddExitsOptions): ModelProto {
  if (readMetadata(model)?.exits.length)
    throw new SpinnError("UnsupportedModel", "The model has early exits already", { hint: "Start from the plain one" });
  const trunk = endInLogits(model);
  const graph = graphOf(trunk);
  const final = graph.output[0]!;
  const types = inferShapes(trunk);
  const classes = classesOf(types, final.name);
  const trunkMacs = countMacs(trunk, types).total;
  const places = placeExits(articulationPoints(trunk), trunkMacs, options.fractions ?? defaultFractions);

  const batch = declaredType(final)?.dims?.[0] ?? "N";
  const { kind = "msdnet", width } = options.head ?? {};
  const heads = places.map((place, i) => {
    const name = `exit${i + 1}`;
    const builder = new GraphBuilder(opsetOf(trunk));
    const layers = new Layers(builder, createRng(mixSeed(options.seed, i)));
    const head = { kind, width: width ?? affordableWidth(place.shape, classes, trunkMacs) };
    const output = appendHead(layers, builder.input(place.name, place.shape), name, classes, head);
    return { ...place, name, at: place.name, output, builder };
  });
  for (const { builder, at } of heads) refuseCollisions(builder, at, types);

  const extended = edit(trunk, {
    graph: edit(graph, {
      node: graph.node.flatMap((node) => [node, ...heads.flatMap((h) => (makes(node, h.at) ? h.builder.nodes : []))]),
      initializer: [...graph.initializer, ...heads.flatMap((h) => h.builder.initializers)],
      output: [...heads.map((h) => makeValueInfo(h.output, DataType.FLOAT, [batch, classes])), final],
    }),
  });
  const costs = exitCosts(extended, [...heads, { output: final.name }]);
  const exits = heads.map(({ name, output, at, wanted }, i) => {
    return { name, output, at, wanted, flopsFraction: costs.flopsFractions[i]!, headMacs: costs.headMacs[i]! };
  });
  return withMetadata(extended, { exits, final: final.name });
}

function makes(node: NodeProto, tensor: string): boolean {
  return node.output.includes(tensor);
}

/** The model without a Softmax at its end: confidence needs logits, to divide them by a temperature. */
function endInLogits(model: ModelProto): ModelProto {
  const graph = graphOf(model);
  const [output, ...others] = graph.output;
  if (!output || others.length > 0) {
    throw new SpinnError("UnsupportedModel", `The network has ${graph.output.length} outputs, not one`, {
      hint: "Export it without auxiliary classifiers",
    });
  }
  const { producer, consumers } = indexGraph(graph);
  const last = producer.get(output.name);
  const logits = last?.input[0];
  if (last?.opType !== "Softmax" || logits === undefined || consumers.has(output.name)) return model;
  const dims = declaredType(output)?.dims ?? ["N"];
  const classes = classesOf(inferShapes(model), logits);
  return edit(model, {
    graph: edit(graph, {
      node: graph.node.filter((node) => node !== last),
      output: [makeValueInfo(logits, DataType.FLOAT, [dims[0] ?? "N", classes])],
    }),
  });
}

function refuseCollisions(head: GraphBuilder, at: string, types: ReadonlyMap<string, TensorInfo>): void {
  const names = [...head.nodes.flatMap((n) => n.output), ...head.initializers.map((t) => t.name)];
  const taken = names.find((name) => name !== at && types.has(name));
  if (taken !== undefined) {
    throw new SpinnError(
      "UnsupportedModel",
      `The network already has a tensor ${label(taken)}, as an exit would call it`,
      {
        hint: "Start from the network without exits",
      },
    );
  }
}
