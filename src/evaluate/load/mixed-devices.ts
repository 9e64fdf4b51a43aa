// Devices of all kinds: each with a cut of its own, thresholds, a deadline and a stream of images.

import type { NetworkInfo } from "../../engine/index.ts";
import { createRng, mixSeed, type Rng } from "../../random.ts";
import { bestBefore } from "./expected-answer.ts";
import type { LoadDevice, Pace, Sample } from "./load-plan.ts";

export interface MixOptions {
  readonly devices: number;
  /** Of a device, one for each exit. @param index of the device */
  readonly thresholds: (index: number, rng: Rng) => readonly number[];
  readonly pace: Pace;
  readonly deadlineMs?: number;
  /** @default "all" */
  readonly group?: (index: number, cut: string) => string;
  readonly seed: number;
}

/**
 * Deals out the cuts of the samples in turn. A device sends those images of its cut that its own exits are not confident of.
 *
 * @throws {RangeError} when there are none for a device
 */
export function mixedDevices(network: NetworkInfo, samples: readonly Sample[], options: MixOptions): LoadDevice[] {
  const { devices, pace, deadlineMs, group = () => "all", seed } = options;
  const cuts = [...new Set(samples.map(({ cut }) => cut))];
  return Array.from({ length: devices }, (_, index) => {
    const cut = cuts[index % cuts.length]!;
    const thresholds = options.thresholds(index, createRng(mixSeed(seed, index)));
    const own = samples.flatMap((sample, i) => {
      return sample.cut === cut && bestBefore(sample, thresholds) !== "done" ? [i] : [];
    });
    if (own.length === 0)
      throw new RangeError(
        `At thresholds ${thresholds.join(", ")} no image of ${samples.length} needs the server behind ${cut}`,
      );
    return {
      group: group(index, cut),
      samples: own,
      thresholds: network.exits.map((_, exit) => thresholds[exit]!),
      ...(deadlineMs !== undefined && { deadlineMs }),
      pace,
      seed: mixSeed(seed, index, 1),
    };
  });
}

/** Confident at one exit, chosen among those from `first` on, and at none before it: paths of all lengths, whatever the heads say. */
export function pathTo(exits: number, first: number, rng: Rng): number[] {
  const last = first + Math.floor(rng() * (exits - first));
  return Array.from({ length: exits }, (_, exit) => (exit === last ? 0 : 1));
}
