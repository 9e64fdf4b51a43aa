// The load that the server is measured under: 64 devices at mixed cuts with paths of all lengths, on real networks with exits.

import { join } from "node:path";
import { openNodeNetwork } from "../compute/index.ts";
import type { NetworkInfo } from "../engine/index.ts";
import {
  type LoadTask,
  makeSamples,
  mixedDevices,
  noiseInputs,
  type Pace,
  pathTo,
  type Sample,
  spreadCuts,
} from "../evaluate/load/index.ts";
import { writeModelFile } from "../onnx/index.ts";
import { type EngineNetwork, progressiveNetwork } from "./engine-networks.ts";

/** A network that is served, and what its devices send. */
export interface ServedNetwork {
  readonly name: string;
  readonly path: string;
  readonly info: NetworkInfo;
  readonly samples: readonly Sample[];
}

const CUTS = 8;
const IMAGES = 8;
export const SEED = 1;
export const DEVICES = 64;

/** Writes the network's file into a folder and does the devices' part of the work ahead of time. */
export async function serveNetwork(name: EngineNetwork, folder: string): Promise<ServedNetwork> {
  const model = await progressiveNetwork(name);
  const path = join(folder, `${name}.spinn.onnx`);
  await writeModelFile(path, model);
  const network = await openNodeNetwork(model);
  try {
    const samples = await makeSamples(network, noiseInputs(network.info, IMAGES, SEED), spreadCuts(network.info, CUTS));
    return { name, path, info: network.info, samples };
  } finally {
    await network.release();
  }
}

export interface MixSettings {
  readonly devices?: number;
  readonly pace: Pace;
  readonly deadlineMs?: number;
  /** @default of each kind of request its own */
  readonly group?: string;
}

/** Each device hands over at one of the cuts and is confident at one of the exits behind it. */
export function mixFor(
  { info, samples }: ServedNetwork,
  { devices = DEVICES, pace, deadlineMs, group }: MixSettings,
): Omit<LoadTask, "server"> {
  const cuts = spreadCuts(info, CUTS);
  const plans = mixedDevices(info, samples, {
    devices,
    pace,
    seed: SEED,
    thresholds: (index, rng) => pathTo(info.exits.length, exitsBefore(info, cuts[index % cuts.length]!), rng),
    ...(deadlineMs !== undefined && { deadlineMs }),
  });
  const named = plans.map((plan, index) => ({
    ...plan,
    group: group ?? kindOf(cuts[index % cuts.length]!, plan.thresholds),
  }));
  return { modelHash: info.modelHash, samples, devices: named };
}

/** Names what a request asks of the server: where it starts, and the exit that answers. */
export function kindOf(cut: string, thresholds: readonly number[]): string {
  return `${cut} ${thresholds.indexOf(0)}`;
}

function exitsBefore({ cuts }: NetworkInfo, id: string): number {
  return cuts.find((cut) => cut.id === id)!.exitsBefore;
}
