// Devices of all kinds: each with a cut of its own, thresholds, a deadline and a stream of images.

import type { NetworkInfo } from "../../engine/index.ts";
import { SpinnError } from "../../errors.ts";
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
 * Deals out the cuts of the samples in turn. A device sends those images of its cut that its own exits are not confident of; where that
 * is none of them, its thresholds become 1.
 *
 * @throws {SpinnError} InvalidData when there are none even then
 */
export function mixedDevices(network: NetworkInfo, samples: readonly Sample[], options: MixOptions): LoadDevice[] {
  const { devices, pace, deadlineMs, group = () => "all", seed } = options;
  const cuts = [...new Set(samples.map(({ cut }) => cut))];
  return Array.from({ length: devices }, (_, index) => {
    const cut = cuts[index % cuts.length]!;
    const wanted = options.thresholds(index, createRng(mixSeed(seed, index)));
    const sentAt = (thresholds: readonly number[]): number[] =>
      samples.flatMap((sample, i) => (sample.cut === cut && bestBefore(sample, thresholds) !== "done" ? [i] : []));
    const highest = wanted.map(() => 1);
    const thresholds = [wanted, highest].find((some) => sentAt(some).length > 0);
    if (!thresholds)
      throw new SpinnError("InvalidData", `No image needs the server behind ${cut}: an exit before is sure of each`, {
        hint: "Hand over earlier, or send other images",
      });
    return {
      group: group(index, cut),
      samples: sentAt(thresholds),
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
