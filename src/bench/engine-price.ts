// What is the price of being progressive? All slices of a network with seven exits, run to the end with heads excluded, beside
// one plain session of the trunk, round by round in one process.

import { openNodeNetwork } from "../compute/index.ts";
import { type BoundaryState, type Step, stepsBetween } from "../engine/index.ts";
import { type ModelProto, sliceModel } from "../onnx/index.ts";
import { createRng } from "../random.ts";
import { createSession } from "../runtime/index.ts";
import { float32, sizeOf } from "../tensor.ts";
import { median } from "./report.ts";

export interface PriceCase {
  readonly model: string;
  /** Inside one operator. */
  readonly threads: number;
  readonly slices: number;
  /** Medians for one image. */
  readonly wholeMs: number;
  readonly slicedMs: number;
  /** Sliced over whole, median of the rounds' own: what slows the machine for a while slows both. */
  readonly ratio: number;
}

export interface PriceOptions {
  /** Where optimised graphs are kept. */
  readonly cacheFolder: string;
  /** Called when slices are cut from the network's own graph, with one line that says why. */
  readonly onFallback: (reason: string) => void;
}

const THREADS = 1;
export const ROUNDS = 101;
const WARM_UP = 5;
/** How long one side's part of a round takes. */
const PART_MS = 10;

/** @returns the case, and the ratio of every round */
export async function measurePrice(
  name: string,
  model: ModelProto,
  { cacheFolder, onFallback }: PriceOptions,
): Promise<{ measured: PriceCase; ratios: number[] }> {
  const network = await openNodeNetwork(model, { cacheFolder, onFallback, session: { threads: THREADS } });
  const { input, exits } = network.info;
  const final = exits.length - 1;
  const everyExit = exits.map(() => 0);
  // Steps end where the exits are, and only the last one asks.
  const steps = stepsBetween(network.info, "input", "none", everyExit).map(
    ({ exit, ...step }): Step => (exit === final ? { ...step, exit } : step),
  );
  const trunk = sliceModel(model, { from: [input.name], to: [exits[final]!.output] });
  const session = await createSession(trunk, { threads: THREADS });
  const rng = createRng(1);
  const values = Float32Array.from({ length: sizeOf(input.shape) }, () => rng() * 2 - 1);
  const feeds = { [input.name]: float32(values, input.shape) };
  const rounds = await interleave(
    () => session.run(feeds),
    async () => {
      let state: BoundaryState = { cut: "input", tensors: feeds, portable: true };
      for (const step of steps) ({ state } = await network.run(state, step, false));
    },
  );
  await Promise.all([session.release(), network.release()]);
  const ratios = rounds.map(([whole, sliced]) => sliced / whole);
  const measured: PriceCase = {
    model: name,
    threads: THREADS,
    slices: steps.length,
    wholeMs: median(rounds.map(([whole]) => whole)),
    slicedMs: median(rounds.map(([, sliced]) => sliced)),
    ratio: median(ratios),
  };
  return { measured, ratios };
}

/** Milliseconds of both for each round; every other round begins with the other. */
async function interleave(a: () => Promise<unknown>, b: () => Promise<unknown>): Promise<[number, number][]> {
  const time = async (task: () => Promise<unknown>, runs: number): Promise<number> => {
    const started = performance.now();
    for (let i = 0; i < runs; i++) await task();
    return (performance.now() - started) / runs;
  };
  await time(b, WARM_UP);
  const runs = Math.max(1, Math.round(PART_MS / (await time(a, WARM_UP))));
  const rounds: [number, number][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 2 === 0) {
      const first = await time(a, runs);
      rounds.push([first, await time(b, runs)]);
    } else {
      const first = await time(b, runs);
      rounds.push([await time(a, runs), first]);
    }
  }
  return rounds;
}
