// What does the engine cost beyond the network itself? The price of slices, beside one session of the whole; and the time of a request
// that is neither computing nor packing.

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ENGINE_NETWORKS, networkFile, progressiveNetwork, SHIPPED } from "./engine-networks.ts";
import { measureOverhead } from "./engine-overhead.ts";
import { measurePrice, type PriceCase, ROUNDS } from "./engine-price.ts";
import { type BenchOptions, type Spread, spread, writeReport } from "./report.ts";

export async function run(options: BenchOptions): Promise<void> {
  const cacheFolder = await mkdtemp(join(tmpdir(), "spinn-bench-"));
  const cases: PriceCase[] = [];
  /** Apart from the others: of half a millisecond, the runtime's 8 microseconds a call are more than a tenth. */
  let shipped: PriceCase | undefined;
  const noise: Record<string, Spread> = {};
  try {
    for (const name of ENGINE_NETWORKS) {
      if (name !== SHIPPED && !existsSync(networkFile(name))) {
        process.stderr.write(`${name}: left out, there is no ${networkFile(name)}\n`);
        continue;
      }
      const onFallback = (reason: string): void => void process.stderr.write(`${name}: ${reason}\n`);
      const model = await progressiveNetwork(name);
      const { measured, ratios } = await measurePrice(name, model, { cacheFolder, onFallback });
      if (name === SHIPPED) shipped = measured;
      else cases.push(measured);
      noise[name] = spread(ratios);
      process.stderr.write(`${line(measured)}\n`);
    }
  } finally {
    await rm(cacheFolder, { recursive: true, force: true });
  }
  const overheadMs = await measureOverhead();
  const ratios = Object.fromEntries(
    [...cases, ...(shipped ? [shipped] : [])].map(({ model, ratio }) => [`${model} sliced over whole`, ratio]),
  );
  const result = { ...ratios, overheadMs };
  const details = { rounds: ROUNDS, cases, shipped, ratioSpread: noise };
  await writeReport("engine", options, { result, details, document: { cases, shipped, overheadMs } });
}

function line({ model, slices, wholeMs, slicedMs, ratio }: PriceCase): string {
  return `${model}: whole ${wholeMs.toFixed(3)} ms, ${slices} slices ${slicedMs.toFixed(3)} ms: ${ratio.toFixed(3)}x`;
}
