// The device's part of the network, done ahead of time: emulated devices send what these images become at each cut, and know what
// every exit has to say about them. So a thousand devices take no more of this machine than their messages.

import { type Coding, decodePacket } from "../../codec/index.ts";
import {
  type BoundaryState,
  defaultCoding,
  type NetworkInfo,
  packState,
  type SlicedNetwork,
  stepsBetween,
  unpackState,
} from "../../engine/index.ts";
import { answerOf } from "../../progressive/index.ts";
import { createRng, mixSeed } from "../../random.ts";
import { float32, sizeOf } from "../../tensor.ts";
import type { Sample, SampleExit } from "./load-plan.ts";

/** Of a probability: slices and batches sum in another order. */
const TOLERANCE = 1e-3;

/** Every `n`th of the cuts after which devices usually hand over, `input` first. */
export function spreadCuts({ cuts }: NetworkInfo, count: number): string[] {
  const useful = cuts.filter(({ id, sparse }) => sparse && id !== "none");
  const chosen = Array.from({ length: count }, (_, i) => useful[Math.floor((i * useful.length) / count)]!.id);
  return [...new Set(chosen)];
}

/** Images of noise as a network's input, [1, C, H, W]. */
export function noiseInputs({ input }: NetworkInfo, count: number, seed: number): Float32Array[] {
  return Array.from({ length: count }, (_, i) => {
    const rng = createRng(mixSeed(seed, i));
    return Float32Array.from({ length: sizeOf(input.shape) }, () => 4 * rng() - 2);
  });
}

/**
 * @returns of every image at every cut, cut by cut
 * @throws {RangeError} for a cut that the network does not have
 * @throws {SpinnError} Runtime
 */
export async function makeSamples(
  network: SlicedNetwork,
  inputs: readonly Float32Array[],
  cuts: readonly string[],
  coding: Coding = defaultCoding,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const cut of cuts) for (const values of inputs) samples.push(await makeSample(network, values, cut, coding));
  return samples;
}

async function makeSample(network: SlicedNetwork, values: Float32Array, cut: string, coding: Coding): Promise<Sample> {
  const { info } = network;
  const input = { [info.input.name]: float32(values, info.input.shape) };
  const before = await follow(network, { cut: "input", tensors: input, portable: true }, cut);
  const bytes = packState(info, before.state, coding);
  // the server sees what the codec makes of it
  const after = await follow(network, unpackState(info, cut, bytes), "none");
  const { codec, bits = 8 } = { ...coding, ...decodePacket(bytes).tensors[0] };
  const exits = [...before.exits, ...after.exits];
  return { cut, codec, bits, bytes, exits, exitsBefore: before.exits.length };
}

/** Through all exits up to a cut. */
async function follow(
  network: SlicedNetwork,
  start: BoundaryState,
  cut: string,
): Promise<{ state: BoundaryState; exits: SampleExit[] }> {
  const { info } = network;
  const exits: SampleExit[] = [];
  let state = start;
  const asked = info.exits.map(() => 0);
  for (const step of stepsBetween(info, start.cut, cut, asked)) {
    const result = await network.run(state, step, step.to === cut);
    state = result.state;
    if (step.exit !== undefined) exits.push(exitOf(step.exit, result.logits!, info.exits[step.exit]!.temperature));
  }
  return { state, exits };
}

function exitOf(exit: number, logits: Float32Array, temperature: number): SampleExit {
  const { prediction: label, confidence } = answerOf(logits, temperature);
  const labels: number[] = [];
  for (const [i, logit] of logits.entries())
    if (Math.exp((logit - logits[label]!) / temperature) >= 1 - TOLERANCE) labels.push(i);
  return { exit, label, confidence, labels };
}
