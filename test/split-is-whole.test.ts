// Split = whole on a sample of cuts; all of them: `npm run bench -- split`.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { checkSplits } from "../bench/split-whole.ts";
import { ENGINE_NETWORKS, progressiveNetwork } from "../src/bench/engine-networks.ts";
import { needRealModels } from "./real-models.ts";

test.for(ENGINE_NETWORKS)("%s: device, packet, server: every logit of every exit", async (name, { skip }) => {
  if (name !== "cifar10-vgg16") needRealModels(skip);
  const cacheFolder = await mkdtemp(join(tmpdir(), "spinn-split-"));
  onTestFinished(() => rm(cacheFolder, { recursive: true, force: true }));
  const reasons: string[] = [];
  const onFallback = (reason: string): void => void reasons.push(reason);
  const { cuts, worst } = await checkSplits(await progressiveNetwork(name), { every: 11, cacheFolder, onFallback });
  expect(reasons).toEqual([]);
  expect(cuts).toBeGreaterThan(4);
  expect(worst).toBeLessThan(1e-4);
});
