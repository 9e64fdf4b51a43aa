// A made-up network for tests, benchmarks and examples: later exits are surer and more often right, deeper cuts send less.

import { createRng, normal } from "../random.ts";
import type { CodecProfile, CutProfile, Profile, SideProfile, Timing } from "./profile.ts";

export interface SyntheticOptions {
  readonly seed: number;
  /** The final one included. @default 7 */
  readonly exits?: number;
  /** With `input` and `none`. @default 20 */
  readonly cuts?: number;
  /** At every cut but `none`. @default float32 and lz4 */
  readonly codecs?: readonly string[];
  /** @default 500 */
  readonly images?: number;
  /** The whole network on the device; the server takes a tenth. @default 100 */
  readonly deviceMs?: number;
}

/** @throws {RangeError} without room for every exit between the cuts */
export function syntheticProfile(options: SyntheticOptions): Profile {
  const { seed, exits = 7, cuts = 20, codecs = ["float32", "lz4"], images = 500, deviceMs = 100 } = options;
  if (!(cuts >= 2 && exits >= 1 && exits <= cuts - 1)) throw new RangeError(`${exits} exits do not fit ${cuts} cuts`);
  const rng = createRng(seed);
  const ease = Float64Array.from({ length: images }, () => rng());
  // An exit is sure of an image in proportion to how easy it is and how much of the network it has seen.
  const say = (image: number, exit: number, noise: number): { confidence: number; right: boolean } => {
    const seen = (exit + 1) / exits;
    const certainty = 1 / (1 + Math.exp(-(4 * (ease[image]! + seen - 1) + noise * normal(rng))));
    return { confidence: Math.fround(0.1 + 0.9 * certainty), right: rng() < 0.15 + 0.85 * certainty };
  };
  const answers = (from: number, noise: number): CodecProfile["record"] => {
    const width = exits - from;
    const record = {
      images,
      confidences: new Float32Array(images * width),
      correct: new Uint8Array(images * width),
    };
    for (let i = 0; i < images * width; i++) {
      const { confidence, right } = say(Math.floor(i / width), from + (i % width), noise);
      record.confidences[i] = confidence;
      record.correct[i] = right ? 1 : 0;
    }
    return record;
  };
  const places = Array.from({ length: cuts }, (_, c): CutProfile => {
    const last = c === cuts - 1;
    const exitsBefore = last ? exits : Math.floor((c * (exits - 1)) / (cuts - 2 || 1));
    const rawBytes = (1 + 40_000 * 0.85 ** c) * (0.5 + rng());
    const id = c === 0 ? "input" : last ? "none" : `relu_${c}`;
    const send = (codec: string, k: number): CodecProfile => {
      const spread = codec === "float32" ? 0 : 0.2;
      const size = (): number => Math.round((rawBytes / 2 ** (2 * k)) * Math.exp(spread * normal(rng)));
      return { codec, bytes: Float64Array.from({ length: images }, size), record: answers(exitsBefore, 1 + 0.1 * k) };
    };
    return { id, exitsBefore, sparse: c % 2 === 0 || last, codecs: last ? [] : codecs.map(send) };
  });
  const time = (meanMs: number): Timing => ({ meanMs, spreadMs: 0.05 * meanMs * rng() });
  const side = (totalMs: number): SideProfile => ({
    steps: Array.from({ length: cuts - 1 }, () => time((totalMs / cuts) * (0.5 + rng()))),
    heads: Array.from({ length: exits }, (_, exit) => time(exit === exits - 1 ? 0 : (totalMs / 50) * rng())),
    coding: places.map((place) => place.codecs.map((_, k) => time((totalMs / 100) * k * rng()))),
  });
  const model = { record: answers(0, 1), cuts: places };
  return { model, device: side(deviceMs), server: side(deviceMs / 10) };
}
