// One experiment after the other, each kept when it is done, and the report of all that are there.

import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as breathe } from "node:timers/promises";
import { writeAtomically } from "../../atomic-write.ts";
import { SpinnError } from "../../errors.ts";
import { renderPage } from "../report/page.ts";
import { type RunConditions, runConditions } from "../report/run-conditions.ts";
import type { ExperimentResult, Headlines, Lab, LabNetwork } from "./experiment.ts";
import { gatherHeadlines, headlineRows } from "./headlines.ts";
import { type ExperimentName, experimentNames, experiments } from "./index.ts";

export interface RunExperimentsOptions {
  readonly names: readonly ExperimentName[];
  /** Opened when the first experiment that is not done yet needs them. */
  readonly networks: () => Promise<readonly LabNetwork[]>;
  /** Names the networks and how they are profiled: results of others are not gone on with. */
  readonly networksKey: string;
  /** Gets `results.json`, `index.html` and, in a folder of its own, every finished experiment. */
  readonly out: string;
  readonly seed: number;
  readonly quick: boolean;
  /** Runs again what is done already. @default false */
  readonly again?: boolean;
  /** What a reader must know of the networks. */
  readonly remarks?: readonly string[];
  readonly signal?: AbortSignal;
  readonly onStart?: (name: ExperimentName, number: number, isKept: boolean) => void;
  readonly onProgress?: (what: string, share: number) => void;
}

/** Plain JSON: `results.json`. */
export interface Results {
  readonly conditions: RunConditions;
  readonly headlines: Partial<Headlines>;
  readonly experiments: Readonly<Partial<Record<ExperimentName, ExperimentResult>>>;
}

interface Kept {
  readonly key: string;
  readonly conditions: RunConditions;
  readonly seconds: number;
  readonly result: ExperimentResult;
}

/**
 * @returns what `results.json` holds: those that were asked for, and others of the same run that are kept
 * @throws {SpinnError} as the experiments; FileAccess; Aborted, and what is done by then is kept
 */
export async function runExperiments(options: RunExperimentsOptions): Promise<Results> {
  const { out, names, seed, quick, again = false, signal } = options;
  const folder = join(out, "experiments");
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new SpinnError("FileAccess", `Cannot make the folder ${folder}`, { cause });
  });
  const conditions: RunConditions = {
    ...runConditions(),
    seed: String(seed),
    ...(quick && { size: "quick: few points" }),
  };
  const key = createHash("sha256")
    .update(JSON.stringify([options.networksKey, seed, quick]))
    .digest("hex")
    .slice(0, 16);
  const fileOf = (name: ExperimentName): string => join(folder, `${name}.json`);
  const all = new Map<ExperimentName, Kept>();
  for (const name of experimentNames) {
    const kept = await keptResult(fileOf(name), key);
    if (kept && !(again && names.includes(name))) all.set(name, kept);
  }
  for (const [i, name] of names.entries()) {
    options.onStart?.(name, i, all.has(name));
    if (all.has(name)) continue;
    const networks = await options.networks();
    const started = performance.now();
    const experiment = await experiments[name].load();
    const result = await experiment.run(labOf(networks, options));
    const kept: Kept = { key, conditions, seconds: (performance.now() - started) / 1000, result };
    await writeAtomically([{ path: fileOf(name), parts: [Buffer.from(JSON.stringify(kept))] }]);
    all.set(name, kept);
    await writeReport(options, all, conditions);
    if (signal?.aborted) throw new SpinnError("Aborted", `Stopped after ${name}; what is done is kept in ${out}`);
  }
  return await writeReport(options, all, conditions);
}

function labOf(networks: readonly LabNetwork[], { seed, quick, signal, onProgress }: RunExperimentsOptions): Lab {
  return {
    ...{ networks, seed, quick },
    ...(signal && { signal }),
    async progress(what, share) {
      onProgress?.(what, share);
      await breathe();
      if (signal?.aborted) throw new SpinnError("Aborted", "Stopped; finished experiments are kept");
    },
  };
}

async function keptResult(path: string, key: string): Promise<Kept | undefined> {
  try {
    const kept = JSON.parse(await readFile(path, "utf8")) as Kept;
    return kept.key === key ? kept : undefined;
  } catch {
    return undefined; // not there, or damaged: it runs again
  }
}

async function writeReport(
  { out, remarks = [] }: RunExperimentsOptions,
  all: ReadonlyMap<ExperimentName, Kept>,
  conditions: RunConditions,
): Promise<Results> {
  const present = experimentNames.flatMap((name) => {
    const kept = all.get(name);
    return kept ? [{ name, ...kept }] : [];
  });
  const headlines = gatherHeadlines(present.map(({ result }) => result));
  const results: Results = {
    conditions,
    headlines,
    experiments: Object.fromEntries(present.map(({ name, result }) => [name, result])),
  };
  const seconds = present.reduce((sum, one) => sum + one.seconds, 0);
  const html = renderPage({
    title: "SPINN's evaluation, regenerated",
    lead: "Progressive inference over device and cloud (Laskaridis et al., MobiCom 2020) beside its rivals, all on the same engine, codec and profiles. Measured: two processes, the real engine, an emulated link, a device slowed by a stated factor. Simulated: discrete events from measured profiles.",
    headlines: headlineRows(headlines),
    machine: conditions.machine ?? "",
    sections: present.map(({ name, result }) => ({ name, figures: result.figures, notes: result.notes ?? [] })),
    conditions: [
      ...Object.entries(conditions),
      ["experiments took", `${Math.round(seconds)} s`],
      ...remarks.map((remark): [string, string] => ["networks", remark]),
    ],
  });
  await writeAtomically([
    { path: join(out, "results.json"), parts: [Buffer.from(`${JSON.stringify(results)}\n`)] },
    { path: join(out, "index.html"), parts: [Buffer.from(html)] },
  ]);
  return results;
}
