// A short profile of the network on this device: how long it takes to get to some cuts, and what packing costs and saves there.

import type { CodecName } from "../codec/packed-tensor.ts";
import type { CodecCost } from "../codec/should-compress.ts";
import type { Compute, ComputeTimes, CutPoint, NetworkInfo, Outcome } from "../engine/index.ts";
import { sizeOf } from "../tensor.ts";
import type { CutCost, CutProfile } from "./choose-cut.ts";

export interface MeasureOptions {
  /** What to measure beside `none`. @default {@link spreadCuts} */
  readonly cuts?: readonly string[];
  /** How it may be packed; the cheapest first, so that the others have to earn their time. @default packed, lz4, rans */
  readonly codecs?: readonly CodecName[];
  /** Width of quantized values. @default 8 */
  readonly bits?: number;
  /** No further cut is begun after so long; what has not been measured cannot be chosen. @default 2000 */
  readonly budgetMs?: number;
  readonly signal?: AbortSignal;
}

const BETWEEN = 6;

/** @throws {SpinnError} as `Compute.start` */
export async function measureCuts(compute: Compute, options: MeasureOptions = {}): Promise<CutProfile> {
  const { network } = compute;
  const { cuts: ids = spreadCuts(network), budgetMs = 2000 } = options;
  const untilMs = performance.now() + budgetMs;
  const thresholds = await silentThresholds(compute, options);
  const whole = await run(compute, "none", "packed", thresholds, options);
  const exitMs = exitTimes(network, whole.times);
  const cuts: CutCost[] = [];
  for (const cut of network.cuts) {
    if (!ids.includes(cut.id) || cut.id === "none") continue;
    if (cuts.length > 0 && performance.now() > untilMs) break;
    cuts.push(await measureCut(compute, cut, thresholds, options));
  }
  cuts.push({ id: "none", exitsBefore: network.exits.length, deviceMs: exitMs.at(-1)!, codecs: [] });
  return { cuts, exitMs };
}

/** `input` and up to six cuts after ReLUs, evenly spread over the multiply-adds. */
export function spreadCuts({ cuts }: NetworkInfo): string[] {
  const inside = cuts.filter(({ id, sparse }) => sparse && id !== "input" && id !== "none");
  const total = cuts.at(-1)!.macsBefore;
  const nearest = (share: number): CutPoint | undefined => {
    const distance = (cut: CutPoint): number => Math.abs(cut.macsBefore / total - share);
    return [...inside].sort((a, b) => distance(a) - distance(b))[0];
  };
  const shares = Array.from({ length: BETWEEN }, (_, i) => (i + 0.5) / BETWEEN);
  return [...new Set(["input", ...shares.flatMap((share) => nearest(share)?.id ?? [])])];
}

/** With these every exit is computed, as its time is wanted, and none answers; one that is certain even so is left out. */
async function silentThresholds(compute: Compute, options: MeasureOptions): Promise<number[]> {
  const thresholds = compute.network.exits.map(() => 1);
  for (;;) {
    const outcome = await run(compute, "none", "packed", thresholds, options);
    if (outcome.kind === "paused" || outcome.answer.exit === thresholds.length - 1 || !outcome.confident)
      return thresholds;
    thresholds[outcome.answer.exit] = 2;
  }
}

async function measureCut(
  compute: Compute,
  { id, exitsBefore }: CutPoint,
  thresholds: readonly number[],
  options: MeasureOptions,
): Promise<CutCost> {
  const { bits = 8, codecs = ["packed", "lz4", "rans"] } = options;
  const costs: CodecCost[] = [];
  let deviceMs = 0;
  // The first makes sessions and does not count.
  for (const [i, codec] of [codecs[0]!, ...codecs].entries()) {
    const outcome = await run(compute, id, codec, thresholds, options);
    if (outcome.kind === "answered") continue;
    outcome.drop();
    if (i === 0) continue;
    const { packMs } = outcome.times;
    deviceMs = totalMs(outcome.times);
    costs.push({
      codec,
      bits: codec === "float32" ? 32 : bits,
      bytes: outcome.packet.length,
      encodeMs: packMs,
      decodeMs: packMs,
    });
  }
  return { id, exitsBefore, deviceMs, codecs: costs };
}

function run(
  compute: Compute,
  cut: string,
  codec: CodecName,
  thresholds: readonly number[],
  { bits = 8, signal }: MeasureOptions,
): Promise<Outcome> {
  const start = { kind: "input", values: exampleInput(compute.network) } as const;
  return compute.start({ start, cut, thresholds, coding: { codec, bits } }, signal);
}

/** Smooth like a photo rather than noise: what it takes to pack depends on it. */
function exampleInput({ input }: NetworkInfo): Float32Array {
  const width = input.shape.at(-1) ?? 1;
  return Float32Array.from({ length: sizeOf(input.shape) }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return Math.sin((3 * x) / width + y / 7) + Math.cos((5 * y) / width) / 2;
  });
}

/** When each exit was through, from the slices of a whole run; of one that was left out, when the next was. */
function exitTimes({ exits }: NetworkInfo, times: ComputeTimes): number[] {
  const passedMs = new Map<string, number>();
  let ms = 0;
  for (const slice of times.slices) {
    ms += slice.ms;
    passedMs.set(slice.to, ms);
  }
  let nextMs = ms;
  return exits
    .toReversed()
    .map(({ at }) => {
      nextMs = passedMs.get(at) ?? nextMs;
      return nextMs;
    })
    .reverse();
}

function totalMs({ slices }: ComputeTimes): number {
  return slices.reduce((sum, { ms }) => sum + ms, 0);
}
