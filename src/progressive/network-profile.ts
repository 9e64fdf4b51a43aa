// What becomes of a network when it is cut: for every profiled cut what the exits behind it still make of what a codec left of
// its tensors, and how many bytes travelled (SPINN's profiler, the part that holds on every device). The record, and how a
// model file keeps it.

import { SpinnError } from "../errors.ts";
import { label } from "../onnx/label.ts";
import { parseCodes, parseExitRecord, type StoredExitRecord, storeCodes, storeExitRecord } from "./exit-record-text.ts";
import type { ExitRecord } from "./policy-outcome.ts";

export interface NetworkProfile {
  /** Of which network: its hash, 32 hexadecimal digits. */
  readonly network: string;
  /** The held-out images, for people. */
  readonly dataset: string;
  /** Chose the images, and their order: further ones can be added. */
  readonly seed: number;
  /** The unsplit network on these images. */
  readonly record: ExitRecord;
  /** In graph order. */
  readonly cuts: readonly ProfiledCut[];
}

export interface ProfiledCut {
  readonly id: string;
  /** Exits behind it. */
  readonly behind: number;
  readonly widths: readonly ProfiledWidth[];
}

/** What values of so many bits do; which lossless codec carries them makes no difference to the network. */
export interface ProfiledWidth {
  /** 2 to 8, or 32: as they are. */
  readonly bits: number;
  /** The exits behind the cut, [images, behind]. */
  readonly record: ExitRecord;
  readonly codecs: readonly ProfiledCodec[];
}

export interface ProfiledCodec {
  /** Without the width: `lz4`. */
  readonly codec: string;
  /** What travels for each image, packet and message around it included; [images]. */
  readonly bytes: Float64Array;
}

/** The profile as JSON. */
export interface StoredNetworkProfile extends StoredExitRecord {
  readonly network: string;
  readonly dataset: string;
  readonly seed: number;
  readonly images: number;
  readonly cuts: readonly StoredCut[];
}

interface StoredCut {
  readonly id: string;
  readonly behind: number;
  readonly widths: readonly StoredWidth[];
}

/** Of 32 bits the record is not there: it is the unsplit network's. */
interface StoredWidth extends Partial<StoredExitRecord> {
  readonly bits: number;
  readonly codecs: readonly { readonly codec: string; readonly bytes: StoredBytes }[];
}

/** The same for all images, or for each a multiple of `unit`, base64 of 16-bit numbers. */
type StoredBytes = number | { readonly unit: number; readonly multiples: string };

/** The JSON form; a profile of 500 images at 20 cuts takes some 300 kB. Bytes are kept to within 1/65 535 of the largest. */
export function storeProfile({ network, dataset, seed, record, cuts }: NetworkProfile): StoredNetworkProfile {
  const { images } = record;
  return { network, dataset, seed, images, ...storeExitRecord(record), cuts: cuts.map(storeCut) };
}

function storeCut({ id, behind, widths }: ProfiledCut): StoredCut {
  return {
    id,
    behind,
    widths: widths.map(({ bits, record, codecs }) => ({
      bits,
      ...(bits < 32 && storeExitRecord(record)),
      codecs: codecs.map(({ codec, bytes }) => ({ codec, bytes: storeBytes(bytes) })),
    })),
  };
}

function storeBytes(bytes: Float64Array): StoredBytes {
  const max = bytes.reduce((a, b) => Math.max(a, b), 0);
  if (bytes.every((b) => b === max)) return max;
  const unit = Math.ceil(max / 65_535);
  return { unit, multiples: storeCodes(Uint16Array.from(bytes, (b) => Math.round(b / unit))) };
}

/**
 * Reads the JSON form. Whether its cuts are the network's is asked where the network is known.
 *
 * @param exits how many the model has, the final one included
 * @throws {SpinnError} InvalidModel when it is not a profile of so many exits
 */
export function parseProfile(json: unknown, exits: number): NetworkProfile {
  const { network, dataset, seed, images, cuts, ...texts } = recordOf(json, "the profile");
  if (typeof network !== "string" || !/^[\da-f]{32}$/.test(network)) throw invalid("network must be a hash");
  if (typeof dataset !== "string") throw invalid("dataset must be a string");
  if (!isWhole(seed, 0)) throw invalid("seed must be a natural number");
  if (!isWhole(images, 1)) throw invalid("images must be a positive integer");
  if (!Array.isArray(cuts)) throw invalid("cuts must be a list");
  const record = parseExitRecord(texts, images, exits, invalid);
  const parsed = cuts.map((cut) => parseCut(cut, record, exits));
  if (new Set(parsed.map(({ id }) => id)).size < parsed.length) throw invalid("a cut is there twice");
  return { network, dataset, seed, record, cuts: parsed };
}

function parseCut(json: unknown, whole: ExitRecord, exits: number): ProfiledCut {
  const { id, behind, widths } = recordOf(json, "a cut");
  if (typeof id !== "string" || id === "") throw invalid("a cut has no id");
  const here = (why: string): SpinnError => invalid(`at cut ${label(id)} ${why}`);
  if (!isWhole(behind, 1) || behind > exits) throw here(`behind must be from 1 to ${exits}`);
  if (!Array.isArray(widths) || widths.length === 0) throw here("widths must be a list");
  const parsed = widths.map((width) => parseWidth(width, whole, exits, behind, here));
  if (new Set(parsed.map(({ bits }) => bits)).size < parsed.length) throw here("a width is there twice");
  return { id, behind, widths: parsed };
}

function parseWidth(
  json: unknown,
  whole: ExitRecord,
  exits: number,
  behind: number,
  here: (why: string) => SpinnError,
): ProfiledWidth {
  const { bits, codecs, ...texts } = recordOf(json, "a width");
  if (bits !== 32 && !(isWhole(bits, 2) && bits <= 8)) throw here("bits must be 2 to 8, or 32");
  if (!Array.isArray(codecs) || codecs.length === 0) throw here("codecs must be a list");
  const record = bits === 32 ? lastExits(whole, exits, behind) : parseExitRecord(texts, whole.images, behind, here);
  const parsed = codecs.map((one): ProfiledCodec => {
    const { codec, bytes } = recordOf(one, "a codec");
    if (typeof codec !== "string" || !/^[a-z\d-]{1,16}$/.test(codec)) throw here("a codec has no name");
    return { codec, bytes: parseBytes(bytes, whole.images, here) };
  });
  if (new Set(parsed.map(({ codec }) => codec)).size < parsed.length) throw here("a codec is there twice");
  return { bits, record, codecs: parsed };
}

function parseBytes(json: unknown, images: number, here: (why: string) => SpinnError): Float64Array {
  if (isWhole(json, 1)) return new Float64Array(images).fill(json);
  const { unit, multiples } = recordOf(json, "bytes");
  if (!isWhole(unit, 1)) throw here("the unit of bytes must be a positive integer");
  return Float64Array.from(parseCodes(multiples, images, "bytes", here), (times) => times * unit);
}

/** The exits behind a cut that changes nothing: the unsplit network's last ones. */
export function lastExits({ images, confidences, correct }: ExitRecord, exits: number, behind: number): ExitRecord {
  const at = (i: number): number => Math.floor(i / behind) * exits + exits - behind + (i % behind);
  return {
    images,
    confidences: Float32Array.from({ length: images * behind }, (_, i) => confidences[at(i)]!),
    correct: Uint8Array.from({ length: images * behind }, (_, i) => correct[at(i)]!),
  };
}

function recordOf(json: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  throw invalid(`${what} is not an object`);
}

function isWhole(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function invalid(why: string): SpinnError {
  return new SpinnError("InvalidModel", `The model's profile is damaged: ${why}`);
}
