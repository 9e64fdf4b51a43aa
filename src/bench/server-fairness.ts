// Can one client take the others' share? Sixteen that keep the server half busy, alone and beside one that asks for twenty times as much
// as each of them, in turns.

import { percentile } from "../evaluate/index.ts";
import type { Phases } from "./server.ts";
import { mixFor, type ServedNetwork } from "./server-mix.ts";
import { checked, Opened } from "./server-phases.ts";

export interface Fairness {
  /** Of the sixteen. Milliseconds. */
  readonly p95Alone: number;
  readonly p95Noisy: number;
}

const CLIENTS = 16;
/**
 * Of what the server answers at capacity. There devices with light requests ask more often than others; here all ask at the same rate,
 * which is heavier: at 0.35 the server takes 1.15 of two cores, at 0.6 it is as good as full (1.7, and the devices' own).
 */
const SHARE = 0.35;
const NOISE = 20;
const WARM_UP_S = 5;

export async function measureFairness(
  network: ServedNetwork,
  { seconds, rounds }: Phases,
  say: (line: string) => void,
): Promise<Fairness> {
  const opened = new Opened();
  try {
    const server = await opened.server([network.path], []);
    const saturating = await opened.load(
      server,
      mixFor(network, { pace: { kind: "closed", inFlight: 1 }, group: "all" }),
    );
    const capacity = checked((await saturating.run(WARM_UP_S, WARM_UP_S * 1000)).all!).answered / WARM_UP_S;
    const perSecond = (SHARE * capacity) / CLIENTS;
    const open = (devices: number, factor: number): Parameters<typeof mixFor>[1] => {
      return { devices, pace: { kind: "open", perSecond: factor * perSecond }, group: "all" };
    };
    const quiet = await opened.load(server, mixFor(network, open(CLIENTS, 1)));
    const noisy = await opened.load(server, mixFor(network, open(1, NOISE)));
    const latenciesMs = { alone: [] as number[], noisy: [] as number[] };
    const p95 = (of: readonly number[]): number =>
      percentile(
        of.toSorted((a, b) => a - b),
        0.95,
      );
    for (let round = 0; round < rounds; round++) {
      for (const side of round % 2 === 0 ? (["alone", "noisy"] as const) : (["noisy", "alone"] as const)) {
        const noise = side === "noisy" ? noisy.run(seconds + 0.5) : undefined;
        const own = checked((await quiet.run(seconds, 500)).all!);
        await noise;
        latenciesMs[side].push(...own.latenciesMs);
      }
      say(`p95 alone ${p95(latenciesMs.alone).toFixed(1)} ms, beside noise ${p95(latenciesMs.noisy).toFixed(1)} ms`);
    }
    return { p95Alone: p95(latenciesMs.alone), p95Noisy: p95(latenciesMs.noisy) };
  } finally {
    await opened.close();
  }
}
