// What is to be decided and what is expected to come of it: the words that the scheduler and its callers share, as plain data
// (SPINN's sigma = <split, threshold>, and the codec with it).

import type { Thresholds } from "../progressive/exit-policy.ts";

/** A way to run the network. */
export interface Design {
  /** Id of a cut: what is before it runs on the device. `input`: nothing; `none`: everything. */
  readonly cut: string;
  /** One for all exits or one for each. Above 1: the exit is not asked, its head not computed; the final one always is. */
  readonly thresholds: Thresholds;
  /** How what is alive at the cut is sent (`CodecProfile.codec`); `none` at the cut `none`. */
  readonly codec: string;
}

/** A design as it is carried out: a threshold for each exit, the final one last. */
export interface Plan extends Design {
  readonly thresholds: readonly number[];
}

/** What a design is expected to deliver, on average over images unless it says otherwise. */
export interface Expected {
  /** From the image to its answer, milliseconds. */
  readonly latency: { readonly mean: number; readonly p50: number; readonly p95: number; readonly p99: number };
  /** Inferences per second with many in flight: what the slowest of device, uplink and server lets through. */
  readonly throughput: number;
  /** Milliseconds of computing on the server. */
  readonly serverCost: number;
  /** Milliseconds of computing on the device. */
  readonly deviceCost: number;
  /** Millijoules on the device. */
  readonly energy: number;
  /** Share of images that get the right answer. */
  readonly accuracy: number;
  /** Bytes up. */
  readonly bytes: number;
  /** Share of right answers when the server fails as often as the conditions say; the device's best exit stands in. */
  readonly robustness: number;
  /** Share of images that stop at each exit; whom nobody was sure about stops at the final one. */
  readonly exitRates: readonly number[];
}

/** The codec of a plan in the engine's words: its name, and the width of values. */
export function codecOf(codec: string): { codec: string; bits: number } {
  if (codec === "none") return { codec: "float32", bits: 32 };
  const [name = "", bits] = codec.split("/");
  return { codec: name, bits: bits === undefined ? (name === "float32" ? 32 : 8) : Number(bits) };
}

/** A plan and what it is expected to deliver. */
export interface Planned {
  readonly plan: Plan;
  readonly expected: Expected;
}

/** A threshold above 1, for an exit that is not asked. */
export const NOT_ASKED = 2;

/**
 * One threshold for each exit.
 *
 * @throws {RangeError} for a wrong number of them, or a negative or undefined one
 */
export function listThresholds(thresholds: Thresholds, exits: number): readonly number[] {
  const all = typeof thresholds === "number" ? new Array<number>(exits).fill(thresholds) : thresholds;
  if (all.length !== exits)
    throw new RangeError(`${all.length} thresholds for ${exits} exits: the final one needs one too`);
  for (const t of all) if (!(t >= 0)) throw new RangeError(`A threshold must be at least 0, not ${t}`);
  return all;
}
