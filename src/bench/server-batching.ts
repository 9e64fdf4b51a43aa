// Do batches pay? The same mixed load on two servers, with and without, in turns.

import { percentile } from "../evaluate/index.ts";
import type { LoadCounts } from "../evaluate/load/index.ts";
import { median, type Spread, spread } from "./report.ts";
import type { Phases } from "./server.ts";
import { mixFor, type ServedNetwork } from "./server-mix.ts";
import { checked, Opened } from "./server-phases.ts";

export interface BatchingCase {
  readonly model: string;
  readonly onRps: number;
  readonly offRps: number;
  /** On over off, median of the rounds' own. */
  readonly ratio: number;
  readonly ratioSpread: Spread;
  /** Latency of all rounds. Milliseconds. */
  readonly p95On: number;
  readonly p95Off: number;
}

/** Learning what batches cost is part of the warm-up. Seconds. */
const WARM_UP_S = 5;

export async function measureBatching(
  network: ServedNetwork,
  { seconds, rounds }: Phases,
  say: (line: string) => void,
): Promise<BatchingCase> {
  const opened = new Opened();
  try {
    const task = mixFor(network, { pace: { kind: "closed", inFlight: 1 }, group: "all" });
    const sides = { on: [] as LoadCounts[], off: [] as LoadCounts[] };
    const loads = {
      on: await opened.load(await opened.server([network.path], ["--batching", "on"]), task),
      off: await opened.load(await opened.server([network.path], ["--batching", "off"]), task),
    };
    for (const side of ["on", "off"] as const) await loads[side].run(WARM_UP_S);
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? (["on", "off"] as const) : (["off", "on"] as const);
      for (const side of order) sides[side].push(checked((await loads[side].run(seconds, 200)).all!));
      const [on, off] = [sides.on.at(-1)!.answered, sides.off.at(-1)!.answered];
      say(
        `${network.name}: on ${(on / seconds).toFixed(0)}/s, off ${(off / seconds).toFixed(0)}/s: ${(on / off).toFixed(3)}x`,
      );
    }
    const rps = (all: readonly LoadCounts[]): number => median(all.map(({ answered }) => answered / seconds));
    const p95 = (all: readonly LoadCounts[]): number =>
      percentile(
        all.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b),
        0.95,
      );
    const ratios = sides.on.map(({ answered }, i) => answered / sides.off[i]!.answered);
    return {
      model: network.name,
      onRps: rps(sides.on),
      offRps: rps(sides.off),
      ratio: median(ratios),
      ratioSpread: spread(ratios),
      p95On: p95(sides.on),
      p95Off: p95(sides.off),
    };
  } finally {
    await opened.close();
  }
}
