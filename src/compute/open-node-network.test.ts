// openNodeNetwork(): slices of the optimised graph, kept on disk, whatever state the disk is in.

import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { runExits } from "../../test/run-exits.ts";
import { largestDifference, randomFeeds, runWith } from "../../test/run-model.ts";
import { toyProgressive } from "../../test/toy.ts";
import { type NodeNetworkOptions, openNodeNetwork } from "./open-node-network.ts";
import { keepOptimized, readOptimized } from "./optimized-cache.ts";

const model = toyProgressive({ width: 16 });

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "spinn-slices-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Opens, compares with the whole, and says why slices are not of the optimised graph and whether states are blocked. */
async function open(options: NodeNetworkOptions): Promise<{ reasons: string[]; blocked: boolean }> {
  const reasons: string[] = [];
  const network = await openNodeNetwork(model, { onFallback: (reason) => reasons.push(reason), ...options });
  const feeds = randomFeeds(model, { batch: 3 });
  const { logits, states } = await runExits(network, feeds);
  await network.release();
  expect(largestDifference(logits, await runWith(model, feeds))).toBeLessThan(1e-5);
  return { reasons, blocked: states.some(({ portable }) => !portable) };
}

test("the optimised graph is made once and kept, one file for each network", async () => {
  const cacheFolder = await folder();
  expect(await open({ cacheFolder })).toEqual({ reasons: [], blocked: true });
  const [file, ...others] = await readdir(cacheFolder);
  expect(others).toEqual([]);
  const path = join(cacheFolder, file!);
  const long = new Date(2020, 1, 1);
  await utimes(path, long, long);
  const { ino } = await stat(path);
  expect(await open({ cacheFolder })).toEqual({ reasons: [], blocked: true });
  const used = await stat(path);
  expect(used.ino).toBe(ino); // not written again
  expect(used.mtimeMs).toBeGreaterThan(long.getTime());
  await (await openNodeNetwork(toyProgressive({ seed: 2 }), { cacheFolder })).release();
  expect(await readdir(cacheFolder)).toHaveLength(2);
});

test.for([
  ["cut short", (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 9)],
  ["changed in one bit", (bytes: Uint8Array) => bytes.map((byte, i) => (i === 4000 ? byte ^ 1 : byte))],
  ["empty", () => new Uint8Array(0)],
] as const)("a kept graph that is %s is made anew", async ([, damage]) => {
  const cacheFolder = await folder();
  await open({ cacheFolder });
  const [file] = await readdir(cacheFolder);
  const path = join(cacheFolder, file!);
  const intact = await readFile(path);
  await writeFile(path, damage(intact));
  expect(await readOptimized(cacheFolder, file!.replace(".optimized", ""))).toBeUndefined();
  expect(await open({ cacheFolder })).toEqual({ reasons: [], blocked: true });
  expect(await readOptimized(cacheFolder, file!.replace(".optimized", ""))).toBeDefined();
});

test("a folder that cannot be written does no harm", async () => {
  const occupied = join(await folder(), "file");
  await writeFile(occupied, "");
  expect(await open({ cacheFolder: join(occupied, "slices") })).toEqual({ reasons: [], blocked: true });
});

test("the graph is not optimised for the CPU where another provider is asked for", async () => {
  const reasons: string[] = [];
  const session = { executionProviders: ["nonsense"] };
  const network = await openNodeNetwork(model, { session, onFallback: (reason) => reasons.push(reason) });
  await expect(runExits(network, randomFeeds(model))).rejects.toMatchObject({ code: "Runtime" });
  expect(reasons).toEqual([]);
});

test("sixteen graphs are kept, the ones used last", async () => {
  const cacheFolder = await folder();
  for (let i = 0; i < 18; i++) {
    await keepOptimized(cacheFolder, `graph${i}`, Uint8Array.of(i));
    const when = new Date(2020, 1, 1 + i);
    await utimes(join(cacheFolder, `graph${i}.optimized`), when, when);
    if (i === 15) await readOptimized(cacheFolder, "graph0");
  }
  const names = await readdir(cacheFolder);
  expect(names).toHaveLength(16);
  expect(names).not.toContain("graph1.optimized");
  expect([...(await readOptimized(cacheFolder, "graph0"))!]).toEqual([0]);
});
