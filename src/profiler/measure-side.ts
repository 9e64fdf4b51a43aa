// Measures a network on the machine at hand, through the very compute that will run it (SPINN's profiler, the part that each
// device does by itself): from the image to every place where it may be cut, with and without exits, packing and unpacking.

import type { CodecName } from "../codec/packed-tensor.ts";
import type { Compute, ComputeTimes, Outcome, Task } from "../engine/compute.ts";
import type { NetworkInfo } from "../engine/network-info.ts";
import { createRng, permutation } from "../random.ts";
import { codecOf } from "../scheduler/design.ts";
import type { CutProfile } from "../scheduler/profile.ts";
import { noSamples, type SideSamples, withSample } from "./side-samples.ts";
import { smoothPattern } from "./smooth-pattern.ts";

export interface MeasureSideOptions {
  /** After so long no further run is begun but for a few of the whole network, with which it starts. @default 2000 */
  readonly budgetMs?: number;
  /** Every place so often, if the budget allows. @default 20 */
  readonly rounds?: number;
  /** What was measured before. @default nothing */
  readonly before?: SideSamples;
  /** The network's input; packing depends on what is in it. @default a smooth pattern */
  readonly example?: Float32Array;
  readonly signal?: AbortSignal;
  /** @default performance.now */
  readonly now?: () => number;
}

/** So often the whole network is run, whatever it takes: all else is seen in proportion to it. */
const LEAST = 2;
/** Everything so many times in a row, of which the last counts: the first finds the caches as another network has left them. */
const TIMES = 2;

/**
 * Round after round over all places in a changing order, so that whatever else happens on the machine meets all of them alike.
 *
 * @param places in graph order (`ModelProfile.cuts`)
 * @throws {SpinnError} as `Compute.start`
 */
export async function measureSide(
  compute: Compute,
  places: readonly CutProfile[],
  options: MeasureSideOptions = {},
): Promise<SideSamples> {
  const { budgetMs = 2000, rounds = 20, now = () => performance.now() } = options;
  const bench = new Bench(compute, options);
  await bench.warmUp();
  const untilMs = now() + budgetMs;
  for (let k = 0; k < LEAST; k++) await bench.whole();
  const rng = createRng(places.length);
  for (let round = 0; round <= rounds; round++) {
    // halves first: when time runs out, what is missing lies between what is known
    const order = round === 0 ? bisected(places.length) : [...permutation(places.length, rng)];
    for (const at of order) {
      if (now() >= untilMs) return bench.samples;
      // the input is at hand at once: there all codecs are compiled and seen
      const times = round === 0 && at === 0 ? 2 * places[0]!.codecs.length : TIMES;
      await bench.place(places[at]!, round + at, times);
      if (round > 0) await bench.unpack(places, at, round + at - 1);
    }
    if (round > 0) await bench.whole();
  }
  return bench.samples;
}

class Bench {
  samples: SideSamples;
  readonly #compute: Compute;
  readonly #network: NetworkInfo;
  readonly #example: Float32Array;
  readonly #signal: AbortSignal | undefined;
  /** Exits that are certain of the example are not asked: they would end it. */
  readonly #asked: number[];
  readonly #silent: readonly number[];
  readonly #compiled = new Set<string>();
  readonly #packets = new Map<string, Uint8Array>();

  constructor(compute: Compute, { before = noSamples, example, signal }: MeasureSideOptions) {
    this.samples = before;
    this.#compute = compute;
    this.#network = compute.network;
    this.#example = example ?? smoothPattern(compute.network);
    this.#signal = signal;
    this.#asked = compute.network.exits.map(() => 1);
    this.#silent = compute.network.exits.map((_, exit) => (exit === compute.network.exits.length - 1 ? 1 : 2));
  }

  /** Makes sessions, warms caches, and finds out which exits can be asked. */
  async warmUp(): Promise<void> {
    await this.#run("none", this.#silent);
    const final = this.#network.exits.length - 1;
    for (;;) {
      const outcome = await this.#run("none", this.#asked);
      if (outcome.kind === "paused" || !outcome.confident || outcome.answer.exit === final) return;
      this.#asked[outcome.answer.exit] = 2;
    }
  }

  /** The network from end to end, without exits and with all of them. */
  async whole(): Promise<void> {
    const silent = await this.#lastRun("none", this.#silent);
    this.#add("prefix", "none", totalMs(silent.times));
    const { times } = await this.#lastRun("none", this.#asked);
    for (const { to, ms } of times.slices) {
      const exit = this.#network.exits.findIndex(({ at }) => at === to);
      // with an exit left out before it, the slice would be too long
      if (exit === 0 || this.#asked[exit - 1] === 1) this.#add("exits", String(exit), ms);
    }
  }

  /** From the image to a place so often, each time with another codec. */
  async place({ id, codecs }: CutProfile, turn: number, times: number): Promise<void> {
    if (id === "none") return;
    const all = codecs.length > 0 ? codecs : [{ codec: "packed" }];
    for (let k = 0; k < times; k++) {
      const { codec } = all[(turn + k) % all.length]!;
      const outcome = await this.#run(id, this.#silent, codec);
      if (outcome.kind === "answered") continue;
      this.#packets.set(`${id} ${codec}`, outcome.packet.slice());
      this.#add("bytes", `${id} ${codec}`, outcome.packet.length);
      outcome.drop();
      this.#addCoding("pack", id, codec, outcome.times.packMs);
      if (id !== "input" && k === times - 1) this.#add("prefix", id, totalMs(outcome.times));
    }
  }

  /** Takes a packet in that was made before, and goes on no further than to the next place. */
  async unpack(places: readonly CutProfile[], at: number, turn: number): Promise<void> {
    const [here, next] = [places[at]!, places[at + 1]];
    const codec = here.codecs[turn % here.codecs.length]?.codec;
    const packet = this.#packets.get(`${here.id} ${codec}`);
    if (!next || !packet) return;
    const { unpackMs } = await this.#unpack(here.id, packet.slice(), next.id);
    this.#addCoding("unpack", here.id, codec!, unpackMs);
  }

  async #unpack(cut: string, bytes: Uint8Array, next: string): Promise<ComputeTimes> {
    const start = { kind: "packet", cut, bytes } as const;
    const outcome = await this.#start({ start, cut: next, thresholds: this.#silent, coding: coding("packed") });
    if (outcome.kind === "paused") outcome.drop();
    return outcome.times;
  }

  async #lastRun(cut: string, thresholds: readonly number[]): Promise<Outcome> {
    for (let k = 1; k < TIMES; k++) await this.#run(cut, thresholds);
    return await this.#run(cut, thresholds);
  }

  #run(cut: string, thresholds: readonly number[], codec = "packed"): Promise<Outcome> {
    const start = { kind: "input", values: this.#example.slice() } as const;
    return this.#start({ start, cut, thresholds: [...thresholds], coding: coding(codec) });
  }

  #start(task: Task): Promise<Outcome> {
    return this.#compute.start(task, this.#signal);
  }

  /** A codec's first run on this machine is its compiler's, and does not count. */
  #addCoding(kind: "pack" | "unpack", cut: string, codec: string, ms: number): void {
    if (this.#compiled.has(`${kind} ${codec}`)) this.#add(kind, `${cut} ${codec}`, ms);
    this.#compiled.add(`${kind} ${codec}`);
  }

  #add(kind: keyof SideSamples, key: string, ms: number): void {
    this.samples = withSample(this.samples, kind, key, ms);
  }
}

/** 0 first and all numbers below `count`, each half as far from its neighbours as those before. */
function bisected(count: number): number[] {
  const order: number[] = [];
  for (let step = 2 ** Math.ceil(Math.log2(Math.max(1, count))); step >= 1; step /= 2)
    for (let at = 0; at < count; at += step) if (!order.includes(at)) order.push(at);
  return order;
}

function coding(name: string): NonNullable<Task["coding"]> {
  const { codec, bits } = codecOf(name);
  return { codec: codec as CodecName, bits };
}

function totalMs({ slices }: ComputeTimes): number {
  return slices.reduce((sum, { ms }) => sum + ms, 0);
}
