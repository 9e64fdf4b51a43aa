// Split equals whole, at every cut and for every exit of every network: the largest difference of a logit. With random weights
// in the heads of the plain classifiers, which makes no difference to the question.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ENGINE_NETWORKS, progressiveNetwork } from "../src/bench/engine-networks.ts";
import { type BenchOptions, writeReport } from "./report.ts";
import { checkSplits, type SplitResult } from "./split-whole.ts";

/** `--every=N`: one cut in N. */
export async function run(options: BenchOptions): Promise<void> {
  const every = Number(/^--every=(\d+)$/.exec(options.args.find((arg) => arg.startsWith("--every=")) ?? "")?.[1] ?? 1);
  const cacheFolder = await mkdtemp(join(tmpdir(), "spinn-bench-"));
  const cases: (SplitResult & { readonly model: string })[] = [];
  try {
    for (const model of ENGINE_NETWORKS) {
      const onFallback = (reason: string): void => void process.stderr.write(`${model}: ${reason}\n`);
      const found = await checkSplits(await progressiveNetwork(model), { every, cacheFolder, onFallback });
      cases.push({ model, ...found });
      const { cuts, worst, worstCut } = found;
      process.stderr.write(`${model}: ${cuts} cuts, worst difference ${worst.toExponential(2)} at ${worstCut}\n`);
    }
  } finally {
    await rm(cacheFolder, { recursive: true, force: true });
  }
  const result = Object.fromEntries(cases.map(({ model, worst }) => [`${model} worst difference`, worst]));
  await writeReport("split", options, { result, details: { every, cases } });
}
