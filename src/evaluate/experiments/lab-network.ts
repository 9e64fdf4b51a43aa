// A network as experiments want it: profiled on images of its test split, through the codec and on this machine, and slowed to
// the times of the paper's device and server. What takes minutes is kept in the cache.

import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "../../atomic-write.ts";
import { openCompute } from "../../compute/index.ts";
import { cacheRoot } from "../../data/index.ts";
import { describeNetwork, type NetworkInfo } from "../../engine/index.ts";
import { SpinnError } from "../../errors.ts";
import { hexOf } from "../../hex.ts";
import { preprocess } from "../../image/index.ts";
import { readModelFile, writeModelFile } from "../../onnx/index.ts";
import {
  imageOrder,
  measureSide,
  profileModel,
  type SideSamples,
  sideProfileOf,
  storedModelProfile,
} from "../../profiler/index.ts";
import { readMetadata, withMetadata } from "../../progressive/index.ts";
import { type NetworkProfile, parseProfile, storeProfile } from "../../progressive/network-profile.ts";
import type { ModelProfile, Profile } from "../../scheduler/index.ts";
import type { LabNetwork } from "./experiment.ts";
import { labImages } from "./lab-images.ts";
import { profileOfImages, slowed, wholeMs } from "./partial-profile.ts";

export interface LabNetworkOptions {
  readonly name: string;
  /** Of the model's file. */
  readonly path: string;
  /** As for `openDataset`. */
  readonly data: string;
  /** How many are profiled. */
  readonly images: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (what: string, share: number) => void;
}

/**
 * How long the whole network takes on either side, without exits: the paper's ResNet-56 on its slowest device and on its server
 * (read off its Figs. 7 to 9). Emulated: this machine's times, multiplied.
 */
export const PAPER_DEVICE_MS = 128;
export const PAPER_SERVER_MS = 22;

/** Of measuring this machine. */
const BUDGET_MS = 60_000;
const ROUNDS = 31;

/** @throws {SpinnError} as reading, profiling and opening the network; Aborted, and what is done by then is kept */
export async function openLabNetwork(options: LabNetworkOptions): Promise<LabNetwork> {
  const { path, name, images, seed, onProgress } = options;
  const model = await readModelFile(path);
  const info = describeNetwork(model);
  const dataset = await labImages(readMetadata(model), { ...options, count: images });
  const profile = await cachedProfile(info, options, (previous) =>
    profileModel(model, dataset, {
      ...{ images, seed },
      ...(previous && { previous }),
      ...(options.signal && { signal: options.signal }),
      onProgress: ({ done, total }) => onProgress?.(`Profiling ${name} through the codec`, done / total),
    }),
  );
  const known = storedModelProfile({ ...info, profile });
  if (!known || !info.preprocessing)
    throw new SpinnError("InvalidModel", `${path} does not say how an image becomes its input`);
  onProgress?.(`Measuring ${name} on this machine`, 0);
  const example = preprocess(await dataset.pixels(0), info.preprocessing);
  const samples = await measured(options, known, example);
  const order = Array.from(imageOrder(images, seed));
  const profiled = join(cacheRoot(), "profiles", `${hexOf(info.modelHash)}-${images}-${seed}.spinn.onnx`);
  await writeModelFile(profiled, withMetadata(model, { profile }));
  return labNetwork({ ...options, path: profiled }, info, known, samples, order);
}

async function measured(
  { path, signal }: LabNetworkOptions,
  { cuts }: ModelProfile,
  example: Float32Array,
): Promise<SideSamples> {
  const compute = await openCompute({ model: path });
  try {
    return await measureSide(compute, cuts, {
      ...{ budgetMs: BUDGET_MS, rounds: ROUNDS, example },
      ...(signal && { signal }),
    });
  } finally {
    await compute.close();
  }
}

/** Kept under network, images and seed; one that is not complete is gone on with. */
async function cachedProfile(
  info: NetworkInfo,
  { images, seed, name }: LabNetworkOptions,
  make: (previous: NetworkProfile | undefined) => Promise<NetworkProfile>,
): Promise<NetworkProfile> {
  const folder = join(cacheRoot(), "profiles");
  const path = join(folder, `${hexOf(info.modelHash)}-${images}-${seed}.json`);
  const known = await readFile(path, "utf8").then(
    (text) => parseProfile(JSON.parse(text), info.exits.length),
    () => undefined, // none yet, or one that is damaged: it is made again
  );
  if (known?.record.images === images) return known;
  const profile = await make(known);
  await mkdir(folder, { recursive: true });
  await writeAtomically([{ path, parts: [Buffer.from(JSON.stringify(storeProfile(profile)))] }]);
  if (profile.record.images < images) throw new SpinnError("Aborted", `Stopped while ${name} was profiled`);
  return profile;
}

function labNetwork(
  { name, path, data, images: count, seed }: LabNetworkOptions,
  info: NetworkInfo,
  model: ModelProfile,
  samples: SideSamples,
  order: readonly number[],
): LabNetwork {
  const [device, server] = (["device", "server"] as const).map((role) =>
    sideProfileOf(info, model.cuts, samples, role),
  ) as [Profile["device"], Profile["server"]];
  const slowdown = { device: PAPER_DEVICE_MS / wholeMs(device), server: PAPER_SERVER_MS / wholeMs(server) };
  const profile: Profile = {
    model,
    device: slowed(device, slowdown.device),
    server: slowed(server, slowdown.server),
  };
  const half = (odd: 0 | 1): Profile => {
    const images = order.map((_, i) => i).filter((i) => i % 2 === odd);
    return { ...profile, model: profileOfImages(model, images) };
  };
  const [even, odd] = [half(0), half(1)];
  const macsAt = new Map(info.cuts.map(({ id, macsBefore }) => [id, macsBefore]));
  const total = info.cuts.at(-1)!.macsBefore;
  return {
    ...{ name, path, profile, slowdown, order, images: { data, count, seed } },
    exits: info.exits.map(({ name: exit, flopsFraction }) => ({ name: exit, flopsFraction })),
    cutShares: model.cuts.map(({ id }) => macsAt.get(id)! / total),
    folds: [
      { planning: even, trial: odd },
      { planning: odd, trial: even },
    ],
  };
}
