// The survival run: a device keeps answering while its server is killed, frozen and replaced by a liar, and the link to it breaks
// and stalls. A real server process, an emulated link, and a client that is never restarted.

import { setTimeout as sleep } from "node:timers/promises";
import { type Client, connect } from "../client/index.ts";
import type { NetworkInfo } from "../engine/index.ts";
import { SpinnError } from "../errors.ts";
import type { Pixels } from "../image/index.ts";
import { createRng, mixSeed } from "../random.ts";
import { type FaultName, type FaultScene, faultNames, faults, pause, shuffledFaults } from "./faults.ts";
import { emulateLink } from "./link-emulator.ts";
import { startLyingServer } from "./lying-server.ts";
import { startServerProcess } from "./server-process.ts";
import { Tally, type TallySum } from "./survival-tally.ts";
import type { TrueAnswers } from "./true-answers.ts";

export interface SurvivalOptions {
  /** Path of the progressive model; both sides read it. */
  readonly model: string;
  /** Taken in turn. */
  readonly images: readonly Pixels[];
  /** What the network says of each of them. */
  readonly expected: TrueAnswers;
  readonly inferences: number;
  readonly seed: number;
  /** @default 150 */
  readonly deadlineMs?: number;
  /** As for `parseLink`. @default "50mbps/20ms" */
  readonly link?: string;
  /** Inferences at the same time. @default 4 */
  readonly inFlight?: number;
  /** From the start of one to the start of the next, at least. @default 20 */
  readonly paceMs?: number;
  readonly onProgress?: (progress: SurvivalProgress) => void;
  readonly signal?: AbortSignal;
}

export interface SurvivalProgress {
  readonly done: number;
  readonly total: number;
  /** What is happening now; undefined when nothing is. */
  readonly fault: FaultName | undefined;
}

/** Plain JSON. */
export interface SurvivalReport extends TallySum {
  /** Connections after the first. */
  readonly reconnects: number;
  /** How often each thing happened. */
  readonly faults: Readonly<Record<FaultName, number>>;
  /** Bad answers that were given. */
  readonly lies: number;
  /** Why the device answered itself. */
  readonly fallbacks: Readonly<Record<string, number>>;
  /** From the end of the last fault until device and server were connected. */
  readonly recoveryMs: number;
  readonly plan: { readonly cut: string; readonly thresholds: readonly number[] };
  readonly seconds: number;
}

/** Answers from the server between two faults: only who was well can fall ill. */
const CALM_ANSWERS = 15;
/** Nobody waits longer for them. */
const CALM_MS = 5000;
const RECOVERY_MS = 30_000;
const LOOK_AGAIN_MS = 5;

/**
 * @throws {SpinnError} as `connect` and `startServerProcess`; UnsupportedModel for a network without an early exit; Connection when
 *   the device does not find its server before all faults, or after them; Aborted
 */
export async function survive(options: SurvivalOptions): Promise<SurvivalReport> {
  const { model, seed, inferences, expected, deadlineMs = 150, link: spec = "50mbps/20ms", onProgress } = options;
  const signal = options.signal ?? new AbortController().signal;
  const closing: (() => Promise<unknown>)[] = [];
  try {
    const server = await startServerProcess({ models: [model], args: ["--workers", "1"], niceness: 10 });
    closing.push(() => server.stop());
    const liar = await startLyingServer(`ws://127.0.0.1:${server.port}`, mixSeed(seed, 1));
    closing.push(() => liar.close());
    const link = await emulateLink({ target: { host: "127.0.0.1", port: server.port }, link: spec, seed });
    closing.push(() => link.close());
    const client = await connect({ model, server: link.url("ws://127.0.0.1"), plan: { cut: "none" }, deadlineMs });
    closing.push(() => client.close());
    const plan = offloading(client.network);
    await client.setPlan({ cut: plan.cut, threshold: plan.thresholds, codec: "float32" });
    await untilConnected(client, signal);
    await warmUp(client, options.images);

    const startedMs = performance.now();
    const tally = new Tally({ inferences, deadlineMs, expected, thresholds: plan.thresholds });
    const over = new AbortController();
    const stop = AbortSignal.any([signal, over.signal]);
    const counts = Object.fromEntries(faultNames.map((name) => [name, 0])) as Record<FaultName, number>;
    let fault: FaultName | undefined;
    const scene = { server, liar, link, rng: createRng(mixSeed(seed, 2)), signal: stop };
    const happening = haveFaults(scene, client, tally, (name) => {
      fault = name;
      if (name) counts[name]++;
    });
    // told below, when the inferences that it disturbs have ended
    happening.catch(() => over.abort());
    try {
      await inferAll(client, options, tally, stop, () => {
        onProgress?.({ done: tally.done, total: inferences, fault });
      });
    } finally {
      over.abort();
      await happening;
    }
    if (signal.aborted) throw new SpinnError("Aborted", "The survival run was stopped");
    const seconds = (performance.now() - startedMs) / 1000;
    const healedMs = performance.now();
    await untilConnected(client, signal);
    const { fallbacks, connections } = client.stats();
    return {
      ...tally.sum(),
      reconnects: connections - 1,
      faults: counts,
      lies: liar.told,
      fallbacks,
      recoveryMs: performance.now() - healedMs,
      plan,
      seconds,
    };
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

/**
 * A plan under which all images cross the link and the device has an answer of its own: cut behind the first early exit, no exit
 * before it ever sure enough.
 *
 * @throws {SpinnError} UnsupportedModel for a network without an early exit
 */
export function offloading({ cuts, exits }: NetworkInfo): { cut: string; thresholds: number[] } {
  const cut = cuts.find(({ id, exitsBefore, sparse }) => sparse && exitsBefore > 0 && id !== "none");
  if (!cut) throw new SpinnError("UnsupportedModel", "The network has no early exit on which a device could fall back");
  // 1 is computed and hardly ever reached; above 1 it would not even be computed
  return { cut: cut.id, thresholds: exits.map((_, exit) => (exit < cut.exitsBefore ? 1 : 0.9)) };
}

/** Sessions of all slices are made and have run: of the plan, and of what the device computes alone. */
async function warmUp(client: Client, images: readonly Pixels[]): Promise<void> {
  const { thresholds, codec, bits } = client.plan;
  const alone = { cut: "none", thresholds, codec, bits };
  for (const image of images.slice(0, 10)) {
    await client.infer(image, { deadlineMs: 10_000 });
    await client.infer(image, { deadlineMs: 10_000, plan: alone });
  }
}

async function inferAll(
  client: Client,
  { images, inferences, inFlight = 4, paceMs = 20 }: SurvivalOptions,
  tally: Tally,
  signal: AbortSignal,
  onDone: () => void,
): Promise<void> {
  let next = 0;
  let nextAtMs = performance.now();
  const one = async (): Promise<void> => {
    while (next < inferences && !signal.aborted) {
      const image = next++ % images.length;
      const waitMs = nextAtMs - performance.now();
      nextAtMs = Math.max(nextAtMs, performance.now()) + paceMs;
      if (waitMs > 0) await pause(waitMs, signal);
      const startedMs = performance.now();
      await client.infer(images[image]!).then(
        (result) => tally.answered(image, result, performance.now() - startedMs),
        (error: unknown) => tally.failed(error),
      );
      onDone();
    }
  };
  await Promise.all(Array.from({ length: inFlight }, one));
}

/** One fault after the other, each when the device has got over the one before. */
async function haveFaults(
  scene: FaultScene,
  client: Client,
  tally: Tally,
  now: (name: FaultName | undefined) => void,
): Promise<void> {
  const { rng, signal } = scene;
  for (const name of shuffledFaults(rng)) {
    const calmAt = tally.remote + CALM_ANSWERS * (1 + rng());
    const untilMs = performance.now() + CALM_MS;
    const isWell = (): boolean => client.link.connected && tally.remote >= calmAt;
    while (!isWell() && performance.now() < untilMs && !signal.aborted) await pause(LOOK_AGAIN_MS, signal);
    if (signal.aborted) return;
    now(name);
    await faults[name](scene);
    now(undefined);
  }
}

async function untilConnected(client: Client, signal: AbortSignal): Promise<void> {
  const untilMs = performance.now() + RECOVERY_MS;
  while (!client.link.connected && !signal.aborted) {
    if (performance.now() > untilMs) {
      const problem = client.link.problem ?? "no attempt has ended";
      throw new SpinnError("Connection", `The device has not found its server for ${RECOVERY_MS / 1000} s: ${problem}`);
    }
    await sleep(LOOK_AGAIN_MS);
  }
}
