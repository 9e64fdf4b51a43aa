// How near does a saturated server come to the runtime itself? Raw slices on all cores, over batch sizes and layouts of threads, beside
// the server, in turns; weighted by what the server really answered. The devices' own work is on the same cores: what they took of
// them the server did not have, and the raw slices are not credited with it.

import { availableParallelism } from "node:os";
import { rawLayouts } from "./raw-slices.ts";
import { median, type Spread, spread } from "./report.ts";
import type { Phases } from "./server.ts";
import { kindOf, mixFor, type ServedNetwork } from "./server-mix.ts";
import { checked, Opened } from "./server-phases.ts";

export interface Limit {
  readonly serverRps: number;
  /** On as much of the processor as the devices had left for the server. */
  readonly rawRps: number;
  /** Median of the rounds' own. */
  readonly ratio: number;
  readonly ratioSpread: Spread;
  /** Processor cores that the devices took. */
  readonly deviceCores: number;
}

const BATCHES = [1, 2, 4, 8, 16];
const WARM_UP_S = 5;

export async function measureLimit(
  network: ServedNetwork,
  { seconds, rounds }: Phases,
  say: (line: string) => void,
): Promise<Limit> {
  const opened = new Opened();
  const layouts = await rawLayouts(network.path);
  try {
    const task = mixFor(network, { pace: { kind: "closed", inFlight: 1 } });
    const kinds = new Map(
      task.devices.map(({ samples, thresholds }) => {
        const { cut } = network.samples[samples[0]!]!;
        return [kindOf(cut, thresholds), { cut, exit: thresholds.indexOf(0) }] as const;
      }),
    );
    const load = await opened.load(await opened.server([network.path], []), task);
    await load.run(WARM_UP_S);
    const raw = new Map<string, number[]>();
    const serverRps: number[] = [];
    const deviceCores: number[] = [];
    const cores = availableParallelism();
    const ratios: Record<string, number[]> = {};
    for (let round = 0; round < rounds; round++) {
      const counts = await load.run(seconds, 200);
      const answered = [...kinds.keys()].map((kind) => checked(counts[kind]!).answered);
      const total = answered.reduce((sum, count) => sum + count, 0);
      serverRps.push(total / seconds);
      deviceCores.push(load.cores);
      const left = 1 - load.cores / cores;
      for (const layout of layouts)
        for (const batch of BATCHES) {
          const paths = [...kinds.values()];
          const rates = await layout.measure({ paths, batch, seconds: seconds / BATCHES.length });
          // as long as the raw slices would take for what the server has answered
          const rawSeconds = answered.reduce((sum, count, i) => sum + count / rates[i]!, 0);
          const name = `${layout.name}, batches of ${batch}`;
          raw.set(name, [...(raw.get(name) ?? []), (left * total) / rawSeconds]);
          ratios[name] = [...(ratios[name] ?? []), rawSeconds / seconds / left];
        }
      const [best, rps] = bestOf(raw);
      say(`server ${(total / seconds).toFixed(0)}/s; best of the raw slices so far: ${best}, ${rps.toFixed(0)}/s`);
    }
    const [best, rawRps] = bestOf(raw);
    return {
      serverRps: median(serverRps),
      rawRps,
      ratio: median(ratios[best]!),
      ratioSpread: spread(ratios[best]!),
      deviceCores: median(deviceCores),
    };
  } finally {
    await opened.close();
    for (const layout of layouts) await layout.close();
  }
}

function bestOf(raw: ReadonlyMap<string, readonly number[]>): [string, number] {
  return [...raw]
    .map(([name, rates]): [string, number] => [name, median(rates)])
    .reduce((a, b) => (b[1] > a[1] ? b : a));
}
