import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { syntheticProfile } from "../../scheduler/synthetic-profile.ts";
import type { LabNetwork } from "./experiment.ts";
import { type Results, type RunExperimentsOptions, runExperiments } from "./run-experiments.ts";

const profile = syntheticProfile({ seed: 3, images: 60 });
const network: LabNetwork = {
  ...{ name: "<Toy> & co", path: "toy.onnx", profile, folds: [{ planning: profile, trial: profile }] },
  exits: Array.from({ length: 7 }, (_, exit) => ({ name: `exit${exit + 1}`, flopsFraction: (exit + 1) / 7 })),
  cutShares: profile.model.cuts.map((_, c) => c / (profile.model.cuts.length - 1)),
  slowdown: { device: 1, server: 1 },
  images: { data: "cifar10", count: 60, seed: 1 },
  order: Array.from({ length: 60 }, (_, i) => i),
};
let out = "";
let opened = 0;
beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), "spinn-report-"));
  opened = 0;
  onTestFinished(() => rm(out, { recursive: true }));
});

function run(change: Partial<RunExperimentsOptions> = {}): Promise<Results> {
  return runExperiments({
    names: ["thresholds", "splits"],
    ...{ networksKey: "toy", out, seed: 1, quick: true },
    networks: async () => {
      opened++;
      return [network];
    },
    ...change,
  });
}

test("a page that needs nothing else, and the same as JSON", async () => {
  const results = await run({ remarks: ["Toy is made up."] });
  expect(Object.keys(results.experiments)).toEqual(["thresholds", "splits"]);
  expect(JSON.parse(await readFile(join(out, "results.json"), "utf8"))).toEqual(JSON.parse(JSON.stringify(results)));
  const page = await readFile(join(out, "index.html"), "utf8");
  expect(page).toContain("&lt;Toy&gt; &amp; co");
  expect(page).toContain("Toy is made up.");
  expect(page).not.toMatch(/<Toy>|https?:|NaN|undefined/);
  for (const { figures } of Object.values(results.experiments))
    for (const { id, says } of figures) {
      expect(page).toContain(`<section id="${id}">`);
      expect(says.length).toBeGreaterThan(20);
    }
});

test("what is done is kept, unless it is to run again or is of something else", async () => {
  const kept = async (change: Partial<RunExperimentsOptions>): Promise<boolean[]> => {
    const all: boolean[] = [];
    await run({ ...change, onStart: (_name, _number, isKept) => all.push(isKept) });
    return all;
  };
  expect(await kept({ names: ["thresholds"] })).toEqual([false]);
  expect(await kept({})).toEqual([true, false]);
  opened = 0;
  expect(await kept({})).toEqual([true, true]);
  expect(opened).toBe(0);
  expect(await kept({ again: true })).toEqual([false, false]);
  expect(await kept({ seed: 2 })).toEqual([false, false]);
  expect(await kept({ seed: 2, networksKey: "another" })).toEqual([false, false]);
  await writeFile(join(out, "experiments", "splits.json"), "half of a file");
  expect(await kept({ seed: 2, networksKey: "another" })).toEqual([true, false]);
});

test("stopped, it says so and has kept what was done", async () => {
  const abort = new AbortController();
  const stopped = run({
    signal: abort.signal,
    onStart(name) {
      if (name === "splits") abort.abort();
    },
  });
  await expect(stopped).rejects.toMatchObject({ code: "Aborted" });
  const { experiments } = JSON.parse(await readFile(join(out, "results.json"), "utf8"));
  expect(Object.keys(experiments)).toContain("thresholds");
});

test("a folder that cannot be made is told", async () => {
  const file = join(out, "file");
  await writeFile(file, "");
  await expect(run({ out: file })).rejects.toMatchObject({ code: "FileAccess" });
});
