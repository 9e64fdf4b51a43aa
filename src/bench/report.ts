// What a benchmark leaves behind: its figures, and on request a file with everything needed to judge them.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";
import { packageFile } from "../package-file.ts";

/** How `spinn bench` calls a benchmark: `export async function run(options: BenchOptions)`. */
export interface BenchOptions {
  /** Print the figures as JSON, and nothing else, on standard output. */
  readonly json: boolean;
  /** Everything after the benchmark's name. */
  readonly args: readonly string[];
}

export interface Findings {
  /** The figures, for people and scripts. Names carry units: `imagesPerSecond`, `latencyMs`. */
  readonly result: Readonly<Record<string, number>>;
  /** What it takes to judge them: seed, sizes, repetitions, spread. */
  readonly details: Readonly<Record<string, unknown>>;
  /** What `--json` prints. @default the result */
  readonly document?: unknown;
}

/** How far repeated measurements lie apart. */
export interface Spread {
  readonly samples: number;
  readonly min: number;
  readonly max: number;
  /** Standard deviation. */
  readonly deviation: number;
}

/** @throws {RangeError} without samples */
export function median(samples: readonly number[]): number {
  if (samples.length === 0) throw new RangeError("There is no median of nothing");
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}

/** @throws {RangeError} without samples */
export function spread(samples: readonly number[]): Spread {
  if (samples.length === 0) throw new RangeError("There is no spread of nothing");
  const mean = samples.reduce((sum, s) => sum + s, 0) / samples.length;
  const squares = samples.reduce((sum, s) => sum + (s - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / Math.max(1, samples.length - 1));
  return { samples: samples.length, min: Math.min(...samples), max: Math.max(...samples), deviation };
}

/**
 * Prints the figures. With `--save` it also keeps them, and everything that they depend on, in
 * `bench/results/<name>.json` of the current folder; not otherwise, since a run on a busy machine should not replace a kept one by accident.
 */
export async function writeReport(name: string, { json, args }: BenchOptions, findings: Findings): Promise<void> {
  const { result, document = result } = findings;
  const rows = Object.entries(result).map(([key, value]) => `${key}: ${Number(value.toPrecision(4))}`);
  process.stdout.write(json ? `${JSON.stringify(document)}\n` : `\n${rows.join("\n")}\n`);
  if (args.includes("--save")) await keepReport(name, findings);
}

/** In `bench/results/<name>.json` of the current folder, with everything that the figures depend on. */
async function keepReport(name: string, { result, details }: Findings): Promise<void> {
  const path = `bench/results/${name}.json`;
  const conditions = { commit: commit(), machine: machine(), versions: versions(), date: new Date() };
  await mkdir("bench/results", { recursive: true });
  await writeFile(path, `${JSON.stringify({ name, result, details, ...conditions }, null, 2)}\n`);
  process.stderr.write(`Kept in ${path}\n`);
}

/** The commit that was measured; `-dirty` when tracked files differed from it, undefined outside a repository. */
function commit(): string | undefined {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return undefined;
  }
}

function machine(): Record<string, unknown> {
  return {
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model.trim(),
    cores: availableParallelism(),
    memoryBytes: totalmem(),
  };
}

function versions(): Record<string, string> {
  const { resolve } = createRequire(import.meta.url);
  const versionOf = (manifest: string): string => JSON.parse(readFileSync(resolve(manifest), "utf8")).version;
  return {
    node: process.versions.node,
    spinn: versionOf(packageFile("package.json")),
    "onnxruntime-node": versionOf("onnxruntime-node/package.json"),
  };
}
