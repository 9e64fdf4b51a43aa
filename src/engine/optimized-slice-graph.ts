// The graph that ONNX Runtime made of a network, as something to cut slices from: they keep the fusions and the blocked memory
// layout that slices of the network's own graph lose. A cut is made at the blocked tensor, or behind its conversion.

import { intAttribute } from "../onnx/attributes.ts";
import { graphOf, indexGraph } from "../onnx/graph-index.ts";
import { DataType, edit, type ModelProto, makeNode, makeValueInfo, type ValueInfoProto } from "../onnx/proto.ts";
import { inferShapes } from "../onnx/shapes.ts";
import { sliceWith } from "../onnx/slice.ts";
import type { NetworkInfo } from "./network-info.ts";
import type { SliceGraph } from "./slice-graph.ts";
import { thinnerCuts } from "./thinner-cuts.ts";

/** Operators on tensors in blocks of channels, as wide as the processor's registers. */
const BLOCKED = "com.microsoft.nchwc";
/** What the runtime's conversion to blocks takes. */
const CHANNEL_ALIGNMENT = 4;

/**
 * The network to let the runtime optimise: what is alive at its sparse cuts and at its exits is an output, so that it has
 * the same names afterwards. At other cuts that would prevent fusions.
 */
export function withBoundaryOutputs(model: ModelProto, info: NetworkInfo): ModelProto {
  const graph = graphOf(model);
  const known = new Set([...graph.input, ...graph.output].map(({ name }) => name));
  const types = inferShapes(model);
  const output = [...boundaries(info)]
    .filter((name) => !known.has(name))
    .map((name) => makeValueInfo(name, types.get(name)!.elemType));
  return edit(model, { graph: edit(graph, { output: [...graph.output, ...output] }), metadataProps: [] });
}

function boundaries(info: NetworkInfo): Set<string> {
  const { cuts, exits } = info;
  const asked = new Set([...exits.map(({ at }) => at), ...thinnerCuts(info).values()]);
  const chosen = cuts.filter(({ id, sparse }) => sparse || asked.has(id));
  return new Set(chosen.flatMap(({ tensors }) => tensors.map(({ name }) => name)));
}

/**
 * @param optimized what the runtime made of {@link withBoundaryOutputs}
 * @param model the network itself
 */
export function optimizedSliceGraph(optimized: ModelProto, model: ModelProto, info: NetworkInfo): SliceGraph {
  const index = indexGraph(graphOf(optimized));
  const types = inferShapes(model);
  const declare = (name: string): ValueInfoProto => makeValueInfo(name, types.get(name)?.elemType ?? DataType.FLOAT);
  const plainAt = new Map(info.cuts.map(({ id, tensors }) => [id, tensors.map(({ name }) => name)]));
  const lasting = new Set([...index.inputs, ...index.outputs].map(({ name }) => name));
  const atHand = (name: string): string => blockedTensor(name) ?? name;

  /** The tensor in blocks that a plain one was converted from. */
  function blockedTensor(name: string): string | undefined {
    const node = index.producer.get(name);
    return node?.domain === BLOCKED && node.opType === "ReorderOutput" ? node.input[0] : undefined;
  }

  function slice(from: string, portable: boolean, to: readonly string[]): ModelProto {
    const plain = plainAt.get(from)!;
    if (!portable) return sliceWith(optimized, { from: [...new Set(plain.map(atHand))], to }, declare);
    return sliceWith(enteredAt(plain), { from: plain, to }, declare);
  }

  /** The graph where blocked tensors are made from plain ones that are given. */
  function enteredAt(plain: readonly string[]): ModelProto {
    const entries = plain.flatMap((name) => {
      const blocked = blockedTensor(name);
      if (blocked === undefined) return [];
      return [makeNode("ReorderInput", [name], [blocked], { channels_last: 0 }, { domain: BLOCKED })];
    });
    const replaced = new Set([...plain, ...entries.flatMap(({ output }) => output)]);
    const rest = index.graph.node.filter(({ output }) => !output.some((name) => replaced.has(name)));
    return edit(optimized, { graph: edit(index.graph, { node: [...entries, ...rest] }) });
  }

  /**
   * Only outputs and inputs mean the same as before. And can everything behind the cut be computed from what is alive
   * there? Nobody promises that of an optimised graph.
   */
  function canCut(cut: string): boolean {
    const plain = plainAt.get(cut);
    if (!plain?.every((name) => lasting.has(name))) return false;
    const channels = plain.map((name) => (blockedTensor(name) ? channelsOf(name) : 0));
    if (channels.some((count) => count % CHANNEL_ALIGNMENT !== 0)) return false;
    const behind = info.exits.slice(info.cuts.find(({ id }) => id === cut)!.exitsBefore).map(({ output }) => output);
    try {
      for (const portable of [false, true]) slice(cut, portable, behind);
      return true;
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
  }

  function channelsOf(plain: string): number {
    return intAttribute(index.producer.get(plain)!, "channels", 0);
  }

  const cuttable = new Map<string, boolean>();
  const isCuttable = (cut: string): boolean => {
    let can = cuttable.get(cut);
    if (can === undefined) {
      can = canCut(cut);
      cuttable.set(cut, can);
    }
    return can;
  };
  const thinner = thinnerCuts(info);
  return {
    session: { optimization: "none" },
    slice,
    ahead(cut) {
      const further = thinner.get(cut);
      return further !== undefined && isCuttable(further) ? further : undefined;
    },
    live(cut, portable) {
      if (!isCuttable(cut)) return undefined;
      const plain = plainAt.get(cut)!;
      return portable ? plain : [...new Set(plain.map(atHand))];
    },
  };
}
