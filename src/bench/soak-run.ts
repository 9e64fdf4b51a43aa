// The soak itself: two real servers, one of which is killed again and again, emulated devices and real ones with a link each, and
// faults at random. What must not happen is counted, and the memory of every process that lives through it is watched.

import { setTimeout as sleep } from "node:timers/promises";
import {
  type EmulatedLink,
  emulateLink,
  type FaultName,
  type LinkPreset,
  type ServerProcess,
  startServerProcess,
  type TrueAnswers,
} from "../evaluate/index.ts";
import { type LoadCounts, type LoadTask, openLoad } from "../evaluate/load/index.ts";
import { mergeCounts } from "../evaluate/load/merge-counts.ts";
import { startLyingServer } from "../evaluate/lying-server.ts";
import type { Pixels } from "../image/index.ts";
import { mixSeed } from "../random.ts";
import { type MemorySample, type MemoryTrend, memoryTrend } from "./memory-trend.ts";
import { residentBytes } from "./server-phases.ts";
import { openSoakClient, type SoakClientCounts } from "./soak-client.ts";
import { type SoakLink, soakFaults } from "./soak-faults.ts";

export interface SoakOptions {
  /** Path of a network with early exits. */
  readonly model: string;
  /** For the real devices, and what the network says of each. */
  readonly images: readonly Pixels[];
  readonly expected: TrueAnswers;
  /** Emulated devices and what they send. */
  readonly load: Omit<LoadTask, "server">;
  readonly seconds: number;
  /**
   * So long the load comes as fast as it is answered, before anything is counted: heaps grow to their size by the requests that they have
   * seen, which takes a quarter of an hour at the pace of the soak and is no leak.
   */
  readonly fillS: number;
  /** Memory is watched from then on. */
  readonly warmUpS: number;
  readonly seed: number;
  readonly onProgress?: (line: string) => void;
  /** Ends it early, with what it has so far. */
  readonly signal?: AbortSignal;
}

/** Plain JSON. */
export interface SoakReport {
  readonly seconds: number;
  readonly load: LoadCounts;
  readonly clients: readonly SoakClientCounts[];
  readonly faults: Readonly<Record<FaultName, number>>;
  /** Bad answers that were given. */
  readonly lies: number;
  /** How late a timer of this process was at most: what the machine itself held up. */
  readonly longestStallMs: number;
  /** Of each process that lived all the time. */
  readonly memory: Readonly<Record<string, MemoryTrend>>;
}

const LINKS: readonly LinkPreset[] = ["4g", "wifi", "lte", "cable", "5g", "lossy", "3g", "dsl"];
const CLIENT_LINK: LinkPreset = "4g";
const CLIENT_DEADLINE_MS = 5000;
const CLIENT_PACE_MS = 200;
const ROUND_S = 20;
const SAMPLE_MS = 2000;

/**
 * @throws {SpinnError} as `startServerProcess` and `connect`; Runtime when the emulated devices fail
 * @throws {RangeError} when it was too short for a trend of the memory
 */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { model, seconds, warmUpS, seed, onProgress = () => {}, signal = new AbortController().signal } = options;
  const closing: (() => Promise<unknown>)[] = [];
  const opened = <T>(thing: T, close: (thing: T) => Promise<unknown>): T => {
    closing.push(() => close(thing));
    return thing;
  };
  try {
    const startServer = async (): Promise<ServerProcess> =>
      opened(await startServerProcess({ models: [model], args: ["--workers", "1"] }), (server) => server.stop());
    const [steady, mortal] = [await startServer(), await startServer()];
    const liar = opened(await startLyingServer(`ws://127.0.0.1:${mortal.port}`, mixSeed(seed, 1)), (one) =>
      one.close(),
    );
    const links: SoakLink[] = [];
    const linkTo = async (server: ServerProcess, link: LinkPreset, isChecking: boolean): Promise<EmulatedLink> => {
      const target = { host: "127.0.0.1", port: server.port };
      const emulated = await emulateLink({ target, link, seed: mixSeed(seed, 2, links.length) });
      links.push({ link: opened(emulated, (one) => one.close()), server, isChecking });
      return emulated;
    };
    const devices = [];
    for (const [i, device] of options.load.devices.entries()) {
      const link = await linkTo(i % 2 === 0 ? steady : mortal, LINKS[(i >> 1) % LINKS.length]!, false);
      devices.push({ ...device, server: link.url("ws://127.0.0.1") });
    }
    const clients = [];
    for (const [i, server] of [steady, mortal].entries()) {
      const url = (await linkTo(server, CLIENT_LINK, true)).url("ws://127.0.0.1");
      const client = {
        ...options,
        server: url,
        deadlineMs: CLIENT_DEADLINE_MS,
        paceMs: CLIENT_PACE_MS,
        seed: mixSeed(seed, 3, i),
      };
      clients.push(opened(await openSoakClient(client), (one) => one.close()));
    }
    const load = opened(await openLoad({ ...options.load, devices, server: `ws://127.0.0.1:${steady.port}` }), (one) =>
      one.close(),
    );
    onProgress("Heaps are filled");
    await fill(steady, options);

    const startedMs = performance.now();
    const elapsedS = (): number => (performance.now() - startedMs) / 1000;
    const over = new AbortController();
    const stop = AbortSignal.any([signal, over.signal]);
    const watched = watchMemory({ server: steady.pid, devices: load.pids[0], clients: process.pid }, elapsedS, stop);
    const happening = soakFaults({ links, mortal, liar }, mixSeed(seed, 4), stop);
    const asking = clients.map((client) => client.run(stop));
    for (const begun of [watched, happening, ...asking]) begun.catch(() => over.abort()); // told below
    const rounds: LoadCounts[] = [];
    while (elapsedS() < seconds && !stop.aborted) {
      const counts = await load.run(Math.min(ROUND_S, Math.max(1, seconds - elapsedS())));
      rounds.push(...Object.values(counts));
      const { requests, answered, own, lost, wrong } = mergeCounts(rounds);
      onProgress(
        `${elapsedS().toFixed(0)} s: ${requests} requests, by the server ${answered}, by the devices ${own}, lost ${lost}, wrong ${wrong}`,
      );
    }
    over.abort();
    const { samples, longestStallMs } = await watched;
    const counts = await happening;
    const memory = Object.entries(samples).map(([name, all]) => [name, memoryTrend(all, warmUpS)] as const);
    return {
      seconds: elapsedS(),
      load: mergeCounts(rounds),
      clients: await Promise.all(asking),
      faults: counts,
      lies: liar.told,
      longestStallMs,
      memory: Object.fromEntries(memory),
    };
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

async function fill({ port }: ServerProcess, { load: task, fillS }: SoakOptions): Promise<void> {
  const devices = task.devices.map((device) => ({ ...device, pace: { kind: "closed", inFlight: 1 } as const }));
  const load = await openLoad({ ...task, devices, server: `ws://127.0.0.1:${port}` });
  try {
    await load.run(fillS);
  } finally {
    await load.close();
  }
}

async function watchMemory(
  pids: Readonly<Record<string, number | undefined>>,
  elapsedS: () => number,
  signal: AbortSignal,
): Promise<{ readonly samples: Record<string, MemorySample[]>; readonly longestStallMs: number }> {
  let longestStallMs = 0;
  const samples = Object.fromEntries(Object.keys(pids).map((name) => [name, [] as MemorySample[]]));
  while (!signal.aborted) {
    for (const [name, pid] of Object.entries(pids))
      samples[name]!.push({ atS: elapsedS(), bytes: residentBytes({ pid }) });
    const fromMs = performance.now();
    await sleep(SAMPLE_MS, undefined, { signal }).catch(() => undefined);
    longestStallMs = Math.max(longestStallMs, performance.now() - fromMs - SAMPLE_MS);
  }
  return { samples, longestStallMs };
}
