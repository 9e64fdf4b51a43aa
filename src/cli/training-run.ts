// What the commands that train have in common: their options, and what happens before and after the run.

import { rm } from "node:fs/promises";
import { messageOf, SpinnError } from "../errors.ts";
import type { AddExitsOptions, HeadKind, RunOptions } from "../generator/index.ts";
import { duration } from "./format.ts";
import type { Io } from "./io.ts";
import { checkpointOf, checkWritable } from "./options.ts";
import { trainingProgress } from "./training-progress.ts";

/** Options of every command that trains. */
export interface TrainingOptions {
  data: string;
  out: string;
  epochs: number;
  batchSize?: number;
  microBatch?: number;
  workers?: number;
  provider: string[];
  seed: number;
  head: HeadKind;
  headWidth?: number;
  fractions?: number[];
  lr?: number;
  checkpoint?: string;
  resume?: boolean;
  restart?: boolean;
  log?: string;
}

type PreparedRun = RunOptions &
  Pick<AddExitsOptions, "fractions" | "head"> & {
    epochs: number;
    checkpoint: { path: string };
    onPhase: (phase: string) => void;
  };

/** What `train` and `build` hand on to the recipe in the same way. */
export async function runOptions(io: Io, options: TrainingOptions, signal: AbortSignal): Promise<PreparedRun> {
  const { out, epochs, seed, batchSize, microBatch, workers, fractions, headWidth } = options;
  await checkWritable(out);
  if (options.log) await checkWritable(options.log);
  return {
    epochs,
    seed,
    signal,
    head: { kind: options.head, ...(headWidth !== undefined && { width: headWidth }) },
    ...(fractions && { fractions }),
    ...(batchSize !== undefined && { batchSize }),
    ...(microBatch !== undefined && { microBatch }),
    ...(workers !== undefined && { workers }),
    executionProviders: options.provider,
    ...(await checkpointOf(out, options)),
    ...trainingProgress(io, epochs, options.log),
  };
}

/** The model is written: the unfinished run's file has done its work. */
export async function finished(io: Io, out: string, checkpoint: string, started: number): Promise<void> {
  try {
    await rm(checkpoint, { force: true });
  } catch (error) {
    io.err(new SpinnError("FileAccess", `Cannot remove ${checkpoint}: ${messageOf(error)}`).message);
  }
  io.err(`Wrote ${out} after ${duration((performance.now() - started) / 1000)}`);
}
