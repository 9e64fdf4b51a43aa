// An invented LTE trace in the manner of the paper's Fig. 10 (a ride on a bus, then a walk; 1 to 38 Mbit/s, 800 steps):
// the recorded one is not published.

import { createRng, mixSeed, normal } from "../random.ts";
import type { BandwidthTrace } from "./bandwidth-trace.ts";

export interface SynthesizeOptions {
  readonly seed: number;
  /** @default 800 */
  readonly steps?: number;
  /** @default 1000 */
  readonly stepMs?: number;
  /** @default 1e6 */
  readonly minBitsPerSecond?: number;
  /** @default 38e6 */
  readonly maxBitsPerSecond?: number;
}

/** How reception changes on the way: how often the surroundings change, and how much of a step's rate the next one keeps. */
const ways = [
  { name: "bus", changes: 0.06, keeps: 0.7, shakes: 0.35 },
  { name: "foot", changes: 0.015, keeps: 0.9, shakes: 0.12 },
] as const;

/**
 * Reception has surroundings (good or bad, as a place within the range on a logarithmic scale) which change now and then,
 * and fades around them from step to step. The first half changes as on a bus, the second as on foot.
 *
 * @throws {RangeError} when the range is empty or the counts are not positive
 */
export function synthesizeTrace(options: SynthesizeOptions): BandwidthTrace {
  const { seed, steps = 800, stepMs = 1000, minBitsPerSecond = 1e6, maxBitsPerSecond = 38e6 } = options;
  if (!(Number.isInteger(steps) && steps > 0)) throw new RangeError(`A trace must have steps, not ${steps}`);
  if (!(stepMs > 0 && stepMs < Infinity)) throw new RangeError(`A step must last a while, not ${stepMs} ms`);
  if (!(minBitsPerSecond > 0 && maxBitsPerSecond >= minBitsPerSecond && maxBitsPerSecond < Infinity))
    throw new RangeError(`There is no bandwidth from ${minBitsPerSecond} to ${maxBitsPerSecond} bit/s`);
  const rng = createRng(mixSeed(seed, 0x17e));
  const span = Math.log(maxBitsPerSecond / minBitsPerSecond);
  // more often good than bad: a city
  const surroundings = (): number => 1 - rng() ** 2;
  let around = surroundings();
  let fading = 0;
  return {
    steps: Array.from({ length: steps }, (_, i) => {
      const { changes, keeps, shakes } = ways[i < steps / 2 ? 0 : 1];
      if (rng() < changes) around = surroundings();
      fading = keeps * fading + shakes * normal(rng);
      const place = Math.min(1, Math.max(0, around + fading / span));
      return { durationMs: stepMs, bitsPerSecond: Math.round(minBitsPerSecond * Math.exp(place * span)) };
    }),
  };
}
