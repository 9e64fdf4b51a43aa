// What happens during a soak: one fault after the other, each to a link or server chosen at random, with quiet in between.

import { type FaultName, faultNames, faults, pause, shuffledFaults } from "../evaluate/faults.ts";
import type { EmulatedLink, ServerProcess } from "../evaluate/index.ts";
import type { LyingServer } from "../evaluate/lying-server.ts";
import { createRng } from "../random.ts";

/** A way from a device to a server. */
export interface SoakLink {
  readonly link: EmulatedLink;
  readonly server: ServerProcess;
  /** Does who uses it check what a server says? Only such a device may be lied to. */
  readonly isChecking: boolean;
}

export interface SoakWorld {
  readonly links: readonly SoakLink[];
  /** The one that is killed; the others live as long as the soak, so that their memory can be watched. */
  readonly mortal: ServerProcess;
  /** In front of `mortal`. */
  readonly liar: LyingServer;
}

const LONGEST_QUIET_MS = 4000;

/** @returns how often each fault happened, when the signal ends it and everything is whole again */
export async function soakFaults(
  { links, mortal, liar }: SoakWorld,
  seed: number,
  signal: AbortSignal,
): Promise<Readonly<Record<FaultName, number>>> {
  const rng = createRng(seed);
  const counts = Object.fromEntries(faultNames.map((name) => [name, 0])) as Record<FaultName, number>;
  for (const name of shuffledFaults(rng)) {
    await pause(LONGEST_QUIET_MS * rng(), signal);
    if (signal.aborted) break;
    const isLie = name === "bad answer";
    const possible = links.filter((one) => !isLie || (one.isChecking && one.server === mortal));
    const { link, server } = possible[Math.floor(rng() * possible.length)]!;
    const victim = name === "server killed and restarted" ? mortal : server;
    await faults[name]({ server: victim, liar, link, rng, signal });
    counts[name]++;
  }
  return counts;
}
