// Does a network give each image of a batch what it gives the image alone? One that was made for single images may not take two, or
// mix them up. Asked once, when it is opened.

import type { BoundaryState, SlicedNetwork } from "../engine/sliced-network.ts";
import { stepsBetween } from "../engine/steps.ts";
import { isSpinnError } from "../errors.ts";
import { createRng } from "../random.ts";
import { float32, sizeOf } from "../tensor.ts";
import { joinRows, rowsOf } from "./batch-state.ts";

/** Of the largest logit, or of 1 if that is less. */
const TOLERANCE = 1e-4;

/** Runs two random images through all exits, together and alone. */
export async function canBatch(network: SlicedNetwork): Promise<boolean> {
  const images = [1, 2].map((seed) => imageFor(network, seed));
  try {
    const together = await logitsOf(network, joinRows(images.flatMap((image) => rowsOf(image, 1))));
    for (const [i, image] of images.entries()) {
      const alone = await logitsOf(network, image);
      if (!alone.every((own, exit) => agree(own, together[exit]!, i))) return false;
    }
    return true;
  } catch (error) {
    if (isSpinnError(error)) return false;
    throw error;
  }
}

function imageFor({ info: { input } }: SlicedNetwork, seed: number): BoundaryState {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: sizeOf(input.shape) }, () => 2 * rng() - 1);
  return { cut: "input", tensors: { [input.name]: float32(values, input.shape) }, portable: true };
}

/** Of each exit. */
async function logitsOf(network: SlicedNetwork, start: BoundaryState): Promise<Float32Array[]> {
  const { info } = network;
  const all: Float32Array[] = [];
  let state = start;
  for (const step of stepsBetween(
    info,
    "input",
    "none",
    info.exits.map(() => 0),
  )) {
    const result = await network.run(state, step, false);
    state = result.state;
    all.push(result.logits!);
  }
  return all;
}

/** @param index of the image in the batch */
function agree(own: Float32Array, batch: Float32Array, index: number): boolean {
  if (batch.length !== 2 * own.length) return false;
  const size = own.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  return own.every((value, i) => Math.abs(value - batch[index * own.length + i]!) <= TOLERANCE * size);
}
