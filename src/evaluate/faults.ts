// What can happen to a server and the way to it, one after the other and at random, for as long as somebody measures.

import { setTimeout as sleep } from "node:timers/promises";
import { permutation, type Rng } from "../random.ts";
import { lies } from "./lies.ts";
import type { EmulatedLink } from "./link-emulator.ts";
import type { LyingServer } from "./lying-server.ts";
import type { ServerProcess } from "./server-process.ts";

export interface FaultScene {
  readonly server: ServerProcess;
  readonly liar: LyingServer;
  /** Between the device and whichever of the two. */
  readonly link: EmulatedLink;
  readonly rng: Rng;
  readonly signal: AbortSignal;
}

export type FaultName =
  | "server killed and restarted"
  | "server frozen"
  | "connection cut"
  | "cut mid-frame, up"
  | "cut mid-frame, down"
  | "link stalled"
  | "bad answer";

/** Over when everything is again as it was before; the device need not know it yet. */
type Fault = (scene: FaultScene) => Promise<void>;

const LONGEST_FREEZE_MS = 2500;
/** A lie needs a device that asks for an answer; none may come. */
const LIE_PATIENCE_MS = 5000;
const LIES_AT_ONCE = 3;

export const faults: Readonly<Record<FaultName, Fault>> = {
  async "server killed and restarted"({ server, rng, signal }) {
    await server.kill();
    await pause(500 * rng(), signal);
    // even when the measurement has ended meanwhile: what follows it looks for a server
    await server.start();
  },
  async "server frozen"({ server, rng, signal }) {
    server.freeze();
    await pause(between(20, LONGEST_FREEZE_MS, rng), signal);
    server.thaw();
  },
  async "connection cut"({ link }) {
    link.cut();
  },
  async "cut mid-frame, up"({ link }) {
    link.cutMidFrame("up");
  },
  async "cut mid-frame, down"({ link }) {
    link.cutMidFrame("down");
  },
  async "link stalled"({ link, rng, signal }) {
    const ms = between(20, LONGEST_FREEZE_MS, rng);
    link.stall(ms);
    await pause(ms, signal);
  },
  async "bad answer"({ server, liar, link, rng, signal }) {
    link.redirect({ host: "127.0.0.1", port: liar.port });
    link.cut();
    for (let i = 0; i < LIES_AT_ONCE && !signal.aborted; i++) {
      const before = liar.told;
      liar.lie(lies[Math.floor(rng() * lies.length)]!);
      const untilMs = performance.now() + LIE_PATIENCE_MS;
      while (liar.told === before && performance.now() < untilMs && !signal.aborted) await pause(5, signal);
    }
    link.redirect({ host: "127.0.0.1", port: server.port });
    link.cut();
  },
};

export const faultNames: readonly FaultName[] = Object.keys(faults) as FaultName[];

/** All faults in random order, then all again in another one, and so on. */
export function* shuffledFaults(rng: Rng): Generator<FaultName, never> {
  for (;;) for (const i of permutation(faultNames.length, rng)) yield faultNames[i]!;
}

/** Short ones as likely as long ones: evenly on a logarithmic scale. */
function between(leastMs: number, mostMs: number, rng: Rng): number {
  return leastMs * (mostMs / leastMs) ** rng();
}

/** Shorter when the measurement is over. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
