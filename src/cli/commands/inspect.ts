// `spinn inspect`: what a network is made of, what each layer costs, where it exits and where it can be split.

import { basename } from "node:path";
import { countMacs, inferShapes, readModelFile } from "../../onnx/index.ts";
import { type NetworkProfile, readMetadata } from "../../progressive/index.ts";
import { type Cut, cutCandidates } from "../../splitter/index.ts";
import { bytes, macs, percent, table } from "../format.ts";
import type { Io } from "../io.ts";

export interface InspectOptions {
  json?: boolean;
  cuts: "relu" | "any";
}

/** Plain JSON; shapes and bytes are for one image, `macs` multiply-adds. */
export interface Inspection {
  model: string;
  /** Trunk and heads together. */
  macs: number;
  nodes: { name: string; op: string; outputShape: readonly number[]; macs: number }[];
  exits: { name: string; at: string; flopsFraction: number; headMacs: number }[];
  cuts: InspectedCut[];
}

export interface InspectedCut extends Pick<Cut, "id" | "tensors" | "bytes" | "macsBefore"> {
  /** Mean size of a message at 8 bits by codec, where the model file holds a profile of the cut. */
  sentBytes?: Record<string, number>;
}

export async function inspect(path: string, options: Pick<InspectOptions, "cuts">): Promise<Inspection> {
  const model = await readModelFile(path);
  const metadata = readMetadata(model);
  const types = inferShapes(model);
  const { total, byNode } = countMacs(model, types);
  const cuts = cutCandidates(model, { cuts: options.cuts, ...(metadata && { output: metadata.final }) });
  return {
    model: basename(path),
    macs: total,
    nodes: model.graph!.node.map((node) => ({
      name: node.name || node.output[0]!,
      op: node.opType,
      outputShape: types.get(node.output[0]!)?.dims ?? [],
      macs: byNode.get(node) ?? 0,
    })),
    exits: (metadata?.exits ?? []).map(({ name, at, flopsFraction, headMacs }) => ({
      name,
      at,
      flopsFraction,
      headMacs,
    })),
    cuts: cuts.map(({ id, tensors, bytes: size, macsBefore }) => {
      const sentBytes = sentAt(id, metadata?.profile);
      return { id, tensors, bytes: size, macsBefore, ...(sentBytes && { sentBytes }) };
    }),
  };
}

function sentAt(cut: string, profile: NetworkProfile | undefined): Record<string, number> | undefined {
  const width = profile?.cuts.find(({ id }) => id === cut)?.widths.find(({ bits }) => bits === 8);
  const mean = (sizes: Float64Array): number => sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  return width && Object.fromEntries(width.codecs.map(({ codec, bytes: sizes }) => [codec, mean(sizes)]));
}

export async function inspectCommand(io: Io, path: string, options: InspectOptions): Promise<void> {
  const found = await inspect(path, options);
  if (options.json) {
    io.out(JSON.stringify(found));
    return;
  }
  let sum = 0;
  const layers = found.nodes.map((node) => {
    sum += node.macs;
    const cost = node.macs ? [macs(node.macs), percent(sum / found.macs)] : ["", ""];
    return [node.name, node.op, node.outputShape.join("x"), ...cost];
  });
  io.out(`${found.model}: ${found.nodes.length} nodes, ${macs(found.macs)} multiply-adds an image\n`);
  io.out(table(["layer", "operator", "output", "multiply-adds", "so far"], layers));
  if (found.exits.length > 0) {
    const exits = found.exits.map((e) => [e.name, e.at, percent(e.flopsFraction), macs(e.headMacs)]);
    io.out(`\n${table(["exit", "after", "FLOPs to here", "its head"], exits)}`);
  }
  // Of the trunk: heads belong to neither side of a cut.
  const trunkMacs = Math.max(1, ...found.cuts.map((cut) => cut.macsBefore));
  const codecs = [...new Set(found.cuts.flatMap(({ sentBytes }) => Object.keys(sentBytes ?? {})))];
  const cuts = found.cuts.map((cut) => {
    const tensors = cut.tensors.map((t) => `${t.name} ${t.shape.join("x")}`).join(" + ");
    const sent = codecs.map((codec) =>
      cut.sentBytes?.[codec] === undefined ? "" : bytes(Math.round(cut.sentBytes[codec])),
    );
    return [cut.id, percent(cut.macsBefore / trunkMacs), bytes(cut.bytes), ...sent, tensors];
  });
  const headings = [
    "cut after",
    "device share",
    "float32",
    ...codecs.map((codec) => `${codec}, 8 bits`),
    "crosses the link",
  ];
  io.out(`\n${table(headings, cuts)}`);
}
