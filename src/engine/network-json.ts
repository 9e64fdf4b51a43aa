// What is known of a network as JSON, for a page that gets it from a server before any of its weights.

import { SpinnError } from "../errors.ts";
import { bytesOfHex, hexOf } from "../hex.ts";
import { type Preprocessing, parsePreprocessing } from "../image/preprocessing.ts";
import { parseCalibration, storeCalibration } from "../progressive/calibration.ts";
import { parseProfile, storeProfile } from "../progressive/network-profile.ts";
import type { CutTensor } from "../splitter/cuts.ts";
import { sizeOf } from "../tensor.ts";
import type { CutPoint, ExitPoint, NetworkInfo } from "./network-info.ts";

export function networkToJson({ modelHash, calibration, profile, ...rest }: NetworkInfo): string {
  return JSON.stringify({
    ...rest,
    modelHash: hexOf(modelHash),
    ...(calibration && { calibration: storeCalibration(calibration) }),
    ...(profile && { profile: storeProfile(profile) }),
  });
}

/**
 * Believes the server about what the network computes, as its slices come from there too, but not that this is a network: sizes,
 * places and numbers are such as one can have.
 *
 * @throws {SpinnError} InvalidData when it is something else, InvalidModel for a damaged record of calibration or profile
 */
export function networkFromJson(text: string): NetworkInfo {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(cause);
  }
  if (!isNetwork(json)) throw invalid();
  const { modelHash, calibration, profile, preprocessing, ...rest } = json;
  const exits = rest.exits.length;
  return {
    ...rest,
    modelHash: bytesOfHex(modelHash),
    ...(preprocessing !== undefined && { preprocessing: preprocessingFor(rest.input, preprocessing) }),
    ...(calibration !== undefined && { calibration: parseCalibration(calibration, exits) }),
    ...(profile !== undefined && { profile: parseProfile(profile, exits) }),
  };
}

type NetworkJson = Omit<NetworkInfo, "modelHash" | "calibration" | "profile" | "preprocessing"> & {
  readonly modelHash: string;
  readonly calibration?: unknown;
  readonly profile?: unknown;
  readonly preprocessing?: unknown;
};

/** More than any image, and than any tensor inside a classifier of images; elements. */
const MAX_ELEMENTS = 2 ** 26;
const MAX_CLASSES = 2 ** 20;

function isNetwork(json: unknown): json is NetworkJson {
  if (!isRecord(json)) return false;
  const { modelHash, input, cuts, exits, classes, labels } = json;
  if (typeof modelHash !== "string" || !/^[0-9a-f]{32}$/.test(modelHash)) return false;
  if (!isCount(classes) || classes === 0 || classes > MAX_CLASSES) return false;
  if (!isTensor(input) || input.shape.length !== 4 || input.shape[0] !== 1) return false;
  if (labels !== undefined && !(isList(labels, isText) && labels.length === classes)) return false;
  if (!isList(exits, isExit) || !isList(cuts, isCut)) return false;
  const places = new Set(cuts.map(({ id }) => id));
  const isThere = [...exits.map(({ at }) => at), "input", "none"].every((id) => places.has(id));
  return isThere && places.size === cuts.length && cuts.every(({ exitsBefore }) => exitsBefore <= exits.length);
}

function isCut(value: unknown): value is CutPoint {
  if (!isRecord(value)) return false;
  const { id, tensors, bytes, macsBefore, index, sparse, exitsBefore } = value;
  const isPlace = isText(id) && Array.isArray(tensors) && tensors.every(isTensor) && typeof sparse === "boolean";
  return isPlace && isCount(bytes) && isCount(macsBefore) && isCount(exitsBefore) && Number.isInteger(index);
}

function isExit(value: unknown): value is ExitPoint {
  if (!isRecord(value)) return false;
  const { name, output, at, temperature, flopsFraction } = value;
  const isNamed = isText(name) && isText(output) && isText(at);
  return (
    isNamed &&
    isNumber(temperature) &&
    temperature > 0 &&
    isNumber(flopsFraction) &&
    flopsFraction >= 0 &&
    flopsFraction <= 1
  );
}

function isTensor(value: unknown): value is CutTensor {
  if (!isRecord(value) || !isText(value.name) || !Array.isArray(value.shape)) return false;
  const shape: readonly unknown[] = value.shape;
  return shape.every((dim) => isCount(dim) && dim > 0) && sizeOf(value.shape) <= MAX_ELEMENTS;
}

/** @throws {SpinnError} InvalidData */
function preprocessingFor({ shape }: CutTensor, json: unknown): Preprocessing {
  const preprocessing = parsePreprocessing(json);
  const { channels, height, width } = preprocessing;
  if ([1, channels, height, width].some((dim, i) => dim !== shape[i])) throw invalid();
  return preprocessing;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isList<T>(value: unknown, holds: (one: unknown) => one is T): value is readonly T[] {
  return Array.isArray(value) && value.length > 0 && value.every(holds);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

function invalid(cause?: unknown): SpinnError {
  return new SpinnError("InvalidData", "The server does not describe a network there", {
    hint: "Check the URL",
    cause,
  });
}
