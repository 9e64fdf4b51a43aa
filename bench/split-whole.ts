// Is a split network the same as the whole? Device to the cut, the packet over the uncompressed codec, a server to the end:
// all exits' logits on both sides against those of one session of everything.

import { openNodeNetwork } from "../src/compute/index.ts";
import { type BoundaryState, packState, type SlicedNetwork, stepsBetween, unpackState } from "../src/engine/index.ts";
import type { ModelProto } from "../src/onnx/index.ts";
import { createRng } from "../src/random.ts";
import { createSession, type Tensors } from "../src/runtime/index.ts";
import { float32, sizeOf } from "../src/tensor.ts";

export interface SplitOptions {
  /** Of all cuts, one in so many; the first and the last are among them. @default 1 */
  readonly every?: number;
  /** Where optimised graphs are kept. */
  readonly cacheFolder: string;
  /** Called when slices are cut from the network's own graph. */
  readonly onFallback: (reason: string) => void;
}

export interface SplitResult {
  readonly cuts: number;
  /** How many logits were compared. */
  readonly logits: number;
  /** Largest absolute difference of a logit, and where. */
  readonly worst: number;
  readonly worstCut: string;
}

/** Sessions pile up with the cuts: after so many both sides start anew. */
const CUTS_A_NETWORK = 25;

export async function checkSplits(model: ModelProto, options: SplitOptions): Promise<SplitResult> {
  const { every = 1, ...opening } = options;
  const open = (): Promise<SlicedNetwork> => openNodeNetwork(model, opening);
  let [device, server] = [await open(), await open()];
  const { info } = device;
  const rng = createRng(1);
  const values = Float32Array.from({ length: sizeOf(info.input.shape) }, () => rng() * 2 - 1);
  const image = { [info.input.name]: float32(values, info.input.shape) };
  const session = await createSession(model);
  const expected = await session.run(image);
  await session.release();

  let [logits, worst, worstCut] = [0, -1, ""];
  const cuts = info.cuts.map(({ id }) => id).filter((_, i, all) => i % every === 0 || i === all.length - 1);
  for (const [i, cut] of cuts.entries()) {
    if (i % CUTS_A_NETWORK === CUTS_A_NETWORK - 1) {
      await Promise.all([device.release(), server.release()]);
      [device, server] = [await open(), await open()];
    }
    const start: BoundaryState = { cut: "input", tensors: image, portable: true };
    const before = await advance(device, start, cut);
    const arrived = cut === "none" ? before.state : throughCodec(device, before.state);
    const after = await advance(server, arrived, "none");
    for (const [exit, found] of [...before.exits, ...after.exits]) {
      const difference = largestDifference(found, expected[info.exits[exit]!.output]!);
      logits += found.length;
      if (!(difference <= worst)) [worst, worstCut] = [difference, cut];
    }
    if (before.exits.size + after.exits.size !== info.exits.length) throw new Error(`At ${cut} an exit was not asked`);
  }
  await Promise.all([device.release(), server.release()]);
  return { cuts: cuts.length, logits, worst, worstCut };
}

interface Advanced {
  readonly state: BoundaryState;
  readonly exits: ReadonlyMap<number, Float32Array>;
}

/** As a task does it: all exits on the way asked, the last state fit to be sent. */
async function advance(network: SlicedNetwork, start: BoundaryState, cut: string): Promise<Advanced> {
  const everyExit = network.info.exits.map(() => 0);
  const exits = new Map<number, Float32Array>();
  const steps = stepsBetween(network.info, start.cut, cut, everyExit);
  let state = start;
  for (const [i, step] of steps.entries()) {
    const result = await network.run(state, step, i === steps.length - 1);
    state = result.state;
    if (step.exit !== undefined) exits.set(step.exit, result.logits!);
  }
  return { state, exits };
}

function throughCodec({ info }: SlicedNetwork, state: BoundaryState): BoundaryState {
  return unpackState(info, state.cut, packState(info, state, { codec: "float32" }));
}

function largestDifference(found: Float32Array, { data }: Tensors[string]): number {
  if (found.length !== data.length) return Number.POSITIVE_INFINITY;
  return found.reduce((most, value, i) => {
    const difference = Math.abs(value - Number(data[i]));
    return difference <= most ? most : difference; // NaN is worst
  }, 0);
}
