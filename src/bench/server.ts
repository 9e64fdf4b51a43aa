// What does a server do under the load of many devices? Whether batches pay, how near it comes to what the runtime can do, what is left
// under five times as much as it can do, and whether one client can take the others' share.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type BenchOptions, writeReport } from "./report.ts";
import { measureBatching } from "./server-batching.ts";
import { measureFairness } from "./server-fairness.ts";
import { measureLimit } from "./server-limit.ts";
import { DEVICES, SEED, serveNetwork } from "./server-mix.ts";
import { measureOverload } from "./server-overload.ts";

export interface Phases {
  /** Of one phase. */
  readonly seconds: number;
  readonly rounds: number;
}

const parts = ["batching", "limit", "overload", "fairness"] as const;

/** Understands `--seconds N` (4), `--rounds N` (7) and `--only PART`. */
export async function run(options: BenchOptions): Promise<void> {
  const { phases, wanted } = settings(options.args);
  const folder = await mkdtemp(join(tmpdir(), "spinn-bench-"));
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  try {
    const small = await serveNetwork("cifar10-resnet56", folder);
    const report: Record<string, unknown> = {};
    if (wanted.has("batching")) {
      const large = await serveNetwork("imagenet-mobilenetv2", folder);
      report.batching = [await measureBatching(small, phases, say), await measureBatching(large, phases, say)];
    }
    if (wanted.has("limit")) report.limit = await measureLimit(small, phases, say);
    if (wanted.has("overload")) report.overload = await measureOverload(small, phases, say);
    if (wanted.has("fairness")) report.fairness = await measureFairness(small, phases, say);
    const findings = {
      result: flat(report),
      details: { ...phases, devices: DEVICES, seed: SEED, ...report },
      document: report,
    };
    await writeReport("server", options, findings);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function settings(args: readonly string[]): { phases: Phases; wanted: ReadonlySet<string> } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: "string", default: "4" },
      rounds: { type: "string", default: "7" },
      only: { type: "string", multiple: true, default: [...parts] },
      json: { type: "boolean" },
      save: { type: "boolean" },
    },
  });
  const [seconds, rounds] = [Number(values.seconds), Number(values.rounds)];
  if (!(seconds > 0)) throw new RangeError(`--seconds cannot be ${values.seconds}`);
  if (!(Number.isInteger(rounds) && rounds > 0)) throw new RangeError(`--rounds cannot be ${values.rounds}`);
  const unknown = values.only.find((name) => !parts.some((part) => part === name));
  if (unknown !== undefined) throw new RangeError(`--only cannot be ${unknown}`);
  return { phases: { seconds, rounds }, wanted: new Set(values.only) };
}

/** Every number in it under its path. */
function flat(value: unknown, path = ""): Record<string, number> {
  if (typeof value === "number") return { [path]: value };
  if (typeof value !== "object" || value === null) return {};
  const entries = Object.entries(value).map(([key, inner]) => flat(inner, path === "" ? key : `${path} ${key}`));
  return Object.assign({}, ...entries);
}
