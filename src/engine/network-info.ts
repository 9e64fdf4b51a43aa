// Everything an engine must know of a progressive network except its weights, as plain data: it crosses to worker threads,
// and both sides of the link derive the same from the same file.

import { sha256 } from "@noble/hashes/sha2.js";
import { MODEL_HASH_BYTES } from "../codec/packet.ts";
import { SpinnError } from "../errors.ts";
import { hexOf } from "../hex.ts";
import type { Preprocessing } from "../image/preprocessing.ts";
import { encodeModel } from "../onnx/codec.ts";
import { graphOf, indexGraph } from "../onnx/graph-index.ts";
import { label } from "../onnx/label.ts";
import { edit, type ModelProto } from "../onnx/proto.ts";
import { inferShapes } from "../onnx/shapes.ts";
import type { Calibration } from "../progressive/calibration.ts";
import { classesOf, readMetadata } from "../progressive/metadata.ts";
import type { NetworkProfile } from "../progressive/network-profile.ts";
import { type Cut, type CutTensor, cutCandidates } from "../splitter/cuts.ts";

export interface NetworkInfo {
  /** 16 bytes, see {@link hashOf}. */
  readonly modelHash: Uint8Array;
  /** What an image becomes, [1, C, H, W]. */
  readonly input: CutTensor;
  /** Every place to cut, in graph order: `input` first, `none` last. */
  readonly cuts: readonly CutPoint[];
  /** In order, the network's own final output last. */
  readonly exits: readonly ExitPoint[];
  readonly classes: number;
  readonly labels?: readonly string[];
  readonly preprocessing?: Preprocessing;
  readonly calibration?: Calibration;
  /** Of this very network; one of another that was in the file is left out. */
  readonly profile?: NetworkProfile;
}

export interface CutPoint extends Cut {
  /** Is it after a ReLU-like activation (or an end of the network), as the paper wants it? */
  readonly sparse: boolean;
  /** How many exits the device has passed when it gets here; the final one counts at `none`. */
  readonly exitsBefore: number;
}

export interface ExitPoint {
  readonly name: string;
  /** The graph output with its logits, [N, classes]. */
  readonly output: string;
  /** Id of the cut whose tensor its head reads; `none` for the final exit. */
  readonly at: string;
  /** Divides its logits. */
  readonly temperature: number;
  /** Multiply-adds up to here, all heads on the way included, over the whole. */
  readonly flopsFraction: number;
}

/**
 * @param model valid; without metadata it is a network with its final exit alone
 * @throws {SpinnError} UnsupportedModel when it has not one image as input or no class scores as output; InvalidModel
 */
export function describeNetwork(model: ModelProto): NetworkInfo {
  const metadata = readMetadata(model);
  const final = metadata?.final ?? indexGraph(graphOf(model)).outputs.at(-1)?.name;
  const options = { output: final };
  const cuts = cutCandidates(model, { ...options, cuts: "any" });
  const sparse = new Set(cutCandidates(model, options).map((cut) => cut.id));
  const temperatures = metadata?.calibration?.temperatures;
  const early = metadata?.exits ?? [];
  const exits: ExitPoint[] = early.map(({ name, output, at, flopsFraction }, i) => {
    return { name, output, at, temperature: temperatures?.[i] ?? 1, flopsFraction };
  });
  const output = final ?? "";
  exits.push({ name: "final", output, at: "none", temperature: temperatures?.at(-1) ?? 1, flopsFraction: 1 });
  const position = new Map(cuts.map((cut) => [cut.id, cut.index]));
  const passed = (cut: Cut): number =>
    cut.id === "none" ? exits.length : early.filter(({ at }) => position.get(at)! <= cut.index).length;
  const { labels, preprocessing, calibration } = metadata ?? {};
  const modelHash = hashOf(model, exits);
  const points = cuts.map((cut) => ({ ...cut, sparse: sparse.has(cut.id), exitsBefore: passed(cut) }));
  const profile = fittingProfile(metadata?.profile, modelHash, points);
  return {
    modelHash,
    input: cuts[0]!.tensors[0]!,
    cuts: points,
    exits,
    classes: classesOf(inferShapes(model), output),
    ...(labels && { labels }),
    ...(preprocessing && { preprocessing }),
    ...(calibration && { calibration }),
    ...(profile && { profile }),
  };
}

/** @throws {SpinnError} InvalidModel for a profile of this network that names cuts that it does not have */
function fittingProfile(
  profile: NetworkProfile | undefined,
  hash: Uint8Array,
  cuts: readonly CutPoint[],
): NetworkProfile | undefined {
  if (profile?.network !== hexOf(hash)) return undefined;
  const exits = cuts.at(-1)!.exitsBefore;
  let last = -1;
  for (const { id, behind } of profile.cuts) {
    const at = cuts.findIndex((cut) => cut.id === id);
    if (at <= last || behind !== exits - cuts[at]!.exitsBefore)
      throw new SpinnError("InvalidModel", `The model's profile is damaged: cut ${label(id)} is not the network's`);
    last = at;
  }
  return profile;
}

/**
 * Names a network: the first 16 bytes of the SHA-256 of its graph and of whatever else decides its answers. A profile or
 * labels may change in the file without making it another network.
 */
export function hashOf(model: ModelProto, exits: readonly ExitPoint[]): Uint8Array {
  const hash = sha256.create();
  hash.update(encodeModel(edit(model, { metadataProps: [] })));
  hash.update(new TextEncoder().encode(JSON.stringify(exits.map((e) => [e.output, e.at, e.temperature]))));
  return hash.digest().slice(0, MODEL_HASH_BYTES);
}
