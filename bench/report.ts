// What a benchmark leaves behind: its figures with everything needed to judge them, as JSON in bench/results.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";

/** How scripts/bench.mjs calls a benchmark: `export default async function run(options: BenchOptions)`. */
export interface BenchOptions {
  /** Print the figures as JSON, and nothing else, on standard output. */
  readonly json: boolean;
  /** Everything after the benchmark's name. */
  readonly args: readonly string[];
}

/** Repeated measurements of one figure. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Standard deviation of the samples. */
  readonly deviation: number;
  readonly samples: readonly number[];
}

export interface BenchReport {
  /** The benchmark's file without `.bench.ts`. */
  readonly name: string;
  /** What the figures answer. */
  readonly question: string;
  readonly seed: number;
  /** What was run: sizes, repetitions, options. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Names carry units: `imagesPerSecond`, `latencyMs`. */
  readonly figures: Readonly<Record<string, number | Spread>>;
}

/** @throws {RangeError} without samples */
export function spreadOf(samples: readonly number[]): Spread {
  if (samples.length === 0) throw new RangeError("A spread needs samples");
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const mean = samples.reduce((sum, s) => sum + s, 0) / samples.length;
  const squares = samples.reduce((sum, s) => sum + (s - mean) ** 2, 0);
  return {
    median: (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2,
    min: sorted[0]!,
    max: sorted.at(-1)!,
    deviation: Math.sqrt(squares / Math.max(1, samples.length - 1)),
    samples,
  };
}

/**
 * Writes `bench/results/<name>.json` when the benchmark was called with `--save`, and does nothing otherwise: a figure
 * from a busy machine should not replace a kept one by accident.
 *
 * @returns where it is, relative to the repository
 */
export function saveReport(report: BenchReport, { args }: BenchOptions): string | undefined {
  if (!args.includes("--save")) return undefined;
  const path = `bench/results/${report.name}.json`;
  mkdirSync("bench/results", { recursive: true });
  const content = { ...report, commit: commit(), machine: machine(), versions: versions(), date: new Date() };
  writeFileSync(path, `${JSON.stringify(content, null, 2)}\n`);
  return path;
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
  const versionOf = (path: string): string => JSON.parse(readFileSync(path, "utf8")).version;
  return {
    node: process.versions.node,
    spinn: versionOf("package.json"),
    "onnxruntime-node": versionOf("node_modules/onnxruntime-node/package.json"),
  };
}
