// What is left of a server that is asked for five times what it can do? Devices with deadlines, which answer for themselves when it does
// not. Whatever of this machine the flood takes more than the load at capacity did, the server did not have.

import { availableParallelism } from "node:os";
import { median } from "./report.ts";
import type { Phases } from "./server.ts";
import { DEVICES, mixFor, type ServedNetwork } from "./server-mix.ts";
import { checked, Opened, residentBytes } from "./server-phases.ts";

export interface Overload {
  /** Requests a second. */
  readonly offered: number;
  /** Answers of the server in time, a second. */
  readonly goodput: number;
  /** What it answers a second when it is never idle and nobody is in a hurry, on as much of the processor as the flood has left. */
  readonly capacity: number;
  /** Goodput over capacity, median of the rounds' own. */
  readonly ratio: number;
  /** Processor cores that the devices took while they flooded. */
  readonly deviceCores: number;
  /** Of server or device, more than 20 ms after the deadline. */
  readonly lateAnswers: number;
  /** Resident memory of the server at the end over that before. */
  readonly rssGrowth: number;
}

const FACTOR = 5;
const DEADLINE_MS = 250;
const WARM_UP_S = 5;

export async function measureOverload(
  network: ServedNetwork,
  { seconds, rounds }: Phases,
  say: (line: string) => void,
): Promise<Overload> {
  const opened = new Opened();
  try {
    const server = await opened.server([network.path], []);
    const saturating = await opened.load(
      server,
      mixFor(network, { pace: { kind: "closed", inFlight: 1 }, group: "all" }),
    );
    const first = checked((await saturating.run(WARM_UP_S, WARM_UP_S * 1000)).all!).answered / WARM_UP_S;
    const offered = FACTOR * first;
    const pace = { kind: "open", perSecond: offered / DEVICES } as const;
    const flooding = await opened.load(server, mixFor(network, { pace, deadlineMs: DEADLINE_MS, group: "all" }));
    const capacity: number[] = [];
    const goodput: number[] = [];
    const deviceCores: number[] = [];
    let lateAnswers = 0;
    await flooding.run(WARM_UP_S);
    const before = residentBytes(server);
    for (let round = 0; round < rounds; round++) {
      const most = checked((await saturating.run(seconds, 200)).all!).answered / seconds;
      const flood = checked((await flooding.run(seconds, 500)).all!);
      const cores = availableParallelism();
      capacity.push((most * (cores - flooding.cores)) / (cores - saturating.cores));
      goodput.push(flood.answered / seconds);
      deviceCores.push(flooding.cores);
      lateAnswers += flood.late;
      const { requests, answered, refused, own } = flood;
      say(
        `capacity ${capacity.at(-1)!.toFixed(0)}/s; offered ${(requests / seconds).toFixed(0)}/s, answered ${(answered / seconds).toFixed(0)}/s, ` +
          `by the devices ${own}, of these refused ${refused}, late ${flood.late}`,
      );
    }
    return {
      offered,
      goodput: median(goodput),
      capacity: median(capacity),
      ratio: median(goodput.map((rps, i) => rps / capacity[i]!)),
      deviceCores: median(deviceCores),
      lateAnswers,
      rssGrowth: residentBytes(server) / before,
    };
  } finally {
    await opened.close();
  }
}
