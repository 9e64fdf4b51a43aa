// What a progressive model says about itself: one JSON document in the ONNX file's metadata_props. It is checked
// against the graph on reading, so that whoever has it may rely on it.

import { create } from "@bufbuild/protobuf";
import { messageOf, SpinnError } from "../errors.ts";
import { type Preprocessing, parsePreprocessing } from "../image/preprocessing.ts";
import { graphOf, indexGraph } from "../onnx/graph-index.ts";
import { label, shapeLabel } from "../onnx/label.ts";
import { edit, type ModelProto, ModelProtoSchema } from "../onnx/proto.ts";
import { inferShapes } from "../onnx/shapes.ts";
import type { TensorInfo } from "../onnx/tensor-info.ts";
import { ancestors } from "../onnx/trunk.ts";
import { sizeOf } from "../tensor.ts";
import { type Calibration, parseCalibration, storeCalibration } from "./calibration.ts";
import { exitCosts } from "./exit-costs.ts";
import { type NetworkProfile, parseProfile, storeProfile } from "./network-profile.ts";

export interface ExitInfo {
  readonly name: string;
  /** The graph output that holds its logits, [N, classes]. */
  readonly output: string;
  /** The trunk tensor that its head reads. */
  readonly at: string;
  /** The fraction of the trunk's multiply-adds that it was placed for. */
  readonly wanted: number;
  /** Trunk up to here and all heads on the way, over the trunk and all heads. */
  readonly flopsFraction: number;
  /** Multiply-adds of its head. */
  readonly headMacs: number;
}

export interface Metadata {
  /** Early exits in order; none in a plain classifier. */
  readonly exits: readonly ExitInfo[];
  /** The last graph output. */
  readonly final: string;
  /** One for each class. */
  readonly labels?: readonly string[];
  readonly preprocessing?: Preprocessing;
  readonly calibration?: Calibration;
  /** What becomes of the network when it is cut. Its images are other than the calibration's, or a part of them. */
  readonly profile?: NetworkProfile;
}

/** The key in `metadata_props`. */
export const metadataKey = "spinn";
const version = 1;

/**
 * The model's metadata, or undefined when it has none.
 *
 * @throws {SpinnError} InvalidModel when the document is damaged or says what is not true of the graph;
 *   UnsupportedModel when it comes from a newer version
 */
export function readMetadata(model: ModelProto): Metadata | undefined {
  const text = model.metadataProps.find((entry) => entry.key === metadataKey)?.value;
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid("it is not JSON", cause);
  }
  if (!isRecord(json)) throw invalid("it is not an object");
  if (json.version !== version) {
    const which = label(String(json.version));
    throw new SpinnError(
      "UnsupportedModel",
      `The model's metadata has version ${which}, this program reads ${version}`,
    );
  }
  const metadata = parse(json);
  checkAgainstGraph(model, metadata);
  return metadata;
}

/**
 * The model with its metadata changed; a plain classifier gets some. The rest of the model is shared, not copied. A new
 * calibration ends the validity of a profile: without a new one there is none.
 *
 * @throws {SpinnError} InvalidModel when the result would not be true of the graph
 */
export function withMetadata(model: ModelProto, patch: Partial<Metadata>): ModelProto {
  const plain: Metadata = { exits: [], final: graphOf(model).output.at(-1)?.name ?? "" };
  const { profile: known, ...before } = readMetadata(model) ?? plain;
  const kept = known && !patch.calibration ? { profile: known } : {};
  const metadata: Metadata = { ...before, ...kept, ...patch };
  checkAgainstGraph(model, metadata);
  const { calibration, profile } = metadata;
  const value = JSON.stringify({
    version,
    ...metadata,
    calibration: calibration && storeCalibration(calibration),
    profile: profile && storeProfile(profile),
  });
  const others = model.metadataProps.filter((entry) => entry.key !== metadataKey);
  const { metadataProps } = create(ModelProtoSchema, { metadataProps: [{ key: metadataKey, value }] });
  return edit(model, { metadataProps: [...others, ...metadataProps] });
}

function parse(json: Readonly<Record<string, unknown>>): Metadata {
  const { exits, final, labels, preprocessing, calibration, profile } = json;
  if (!Array.isArray(exits)) throw invalid("exits is not a list");
  if (typeof final !== "string") throw invalid("final is not a string");
  if (labels !== undefined && !(Array.isArray(labels) && labels.every((l) => typeof l === "string")))
    throw invalid("labels is not a list of strings");
  return {
    exits: exits.map(parseExit),
    final,
    ...(labels !== undefined && { labels }),
    ...(preprocessing !== undefined && { preprocessing: readPreprocessing(preprocessing) }),
    ...(calibration !== undefined && { calibration: parseCalibration(calibration, exits.length + 1) }),
    ...(profile !== undefined && { profile: parseProfile(profile, exits.length + 1) }),
  };
}

function parseExit(json: unknown, i: number): ExitInfo {
  if (!isRecord(json)) throw invalid(`exits[${i}] is not an object`);
  const { name, output, at, wanted, flopsFraction, headMacs } = json;
  const text = (field: string, value: unknown): string => {
    if (typeof value === "string" && value !== "") return value;
    throw invalid(`exits[${i}].${field} is not a name`);
  };
  const count = (field: string, value: unknown): number => {
    if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
    throw invalid(`exits[${i}].${field} is not a number`);
  };
  return {
    name: text("name", name),
    output: text("output", output),
    at: text("at", at),
    wanted: count("wanted", wanted),
    flopsFraction: count("flopsFraction", flopsFraction),
    headMacs: count("headMacs", headMacs),
  };
}

function readPreprocessing(json: unknown): Preprocessing {
  try {
    return parsePreprocessing(json);
  } catch (cause) {
    throw invalid(messageOf(cause), cause);
  }
}

/** @throws {SpinnError} InvalidModel naming the first thing that is not so */
function checkAgainstGraph(model: ModelProto, metadata: Metadata): void {
  const { exits, final } = metadata;
  const index = indexGraph(graphOf(model));
  const outputs = [...exits.map((e) => e.output), final];
  const present = index.outputs.map((o) => o.name);
  if (present.join("\n") !== outputs.join("\n"))
    throw invalid(`it lists the outputs ${label(outputs.join(", "))}, the graph has ${label(present.join(", "))}`);
  if (new Set(exits.map((e) => e.name)).size !== exits.length) throw invalid("two exits share a name");
  const types = inferShapes(model);
  const trunk = new Set([...ancestors(index, [final])].flatMap((node) => node.output));
  for (const { name, at } of exits)
    if (!trunk.has(at)) throw invalid(`exit ${label(name)} reads ${label(at)}, which is no tensor of the trunk`);
  const sizes = outputs.map((output) => classesOf(types, output));
  if (new Set(sizes).size > 1) throw invalid(`the exits have ${sizes.join(", ")} classes`);
  checkCosts(model, metadata);
  checkSizes(metadata, sizes.at(-1)!, types.get(index.inputs[0]?.name ?? "")?.dims ?? []);
}

function checkCosts(model: ModelProto, { exits, final }: Metadata): void {
  const { flopsFractions, headMacs } = exitCosts(model, [...exits, { output: final }]);
  exits.forEach(({ name, ...said }, i) => {
    if (Math.abs(said.flopsFraction - flopsFractions[i]!) > 1e-6)
      throw invalid(
        `exit ${label(name)} claims ${said.flopsFraction} of all FLOPs, the graph has ${flopsFractions[i]}`,
      );
    if (said.headMacs !== headMacs[i])
      throw invalid(`exit ${label(name)} claims a head of ${said.headMacs} MACs, the graph has ${headMacs[i]}`);
  });
}

function checkSizes(metadata: Metadata, classes: number, input: readonly number[]): void {
  const { labels, preprocessing, calibration, profile, exits } = metadata;
  if (labels && labels.length !== classes) throw invalid(`it has ${labels.length} labels for ${classes} classes`);
  if (preprocessing) {
    const made = [preprocessing.channels, preprocessing.height, preprocessing.width];
    if (made.join() !== input.slice(1).join())
      throw invalid(`preprocessing makes [${made.join(", ")}], the graph takes [${input.slice(1).join(", ")}]`);
  }
  if (calibration) {
    const size = calibration.images * (exits.length + 1);
    const fits = calibration.confidences.length === size && calibration.correct.length === size;
    if (!fits || calibration.temperatures.length !== exits.length + 1)
      throw invalid("the calibration record does not fit the exits");
  }
  if (profile && profile.record.confidences.length !== profile.record.images * (exits.length + 1))
    throw invalid("the profile does not fit the exits");
}

/**
 * Number of classes of the output `name`: [N, classes], or [N, classes, 1, 1] of fully convolutional networks.
 *
 * @throws {SpinnError} UnsupportedModel when it has another shape
 */
export function classesOf(types: ReadonlyMap<string, TensorInfo>, name: string): number {
  const dims = types.get(name)?.dims ?? [];
  const classes = dims[1] ?? 0;
  if (classes >= 2 && sizeOf(dims.slice(1)) === classes) return classes;
  throw new SpinnError(
    "UnsupportedModel",
    `Output ${label(name)} is ${shapeLabel(dims)}, not one score for each class`,
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(why: string, cause?: unknown): SpinnError {
  return new SpinnError("InvalidModel", `The model's metadata is damaged: ${why}`, { cause });
}
