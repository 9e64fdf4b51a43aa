// `spinn eval`: accuracy, exit rates and mean FLOPs per threshold, and every exit alone (the paper's Figs. 3 and 4).

import { basename } from "node:path";
import { writeAtomically } from "../../atomic-write.ts";
import type { Dataset, Split } from "../../data/index.ts";
import {
  detectPreprocessing,
  type Evaluation,
  evaluate,
  plotEvaluation,
  withoutCalibrationImages,
} from "../../generator/index.ts";
import type { Preprocessing } from "../../image/index.ts";
import { type ModelProto, readModelFile } from "../../onnx/index.ts";
import { readMetadata } from "../../progressive/index.ts";
import { bar, percent, table } from "../format.ts";
import { interruptible } from "../interrupt.ts";
import type { Io } from "../io.ts";
import { checkWritable, open, readPreprocessing } from "../options.ts";

export interface EvalOptions {
  data: string;
  split: Split;
  limit?: number;
  preprocessing?: string;
  /** Also the test images that the exits were calibrated on. */
  allImages?: boolean;
  threads?: number;
  plot?: string;
  json?: boolean;
}

export async function evalCommand(io: Io, path: string, options: EvalOptions): Promise<void> {
  const { limit, threads, plot } = options;
  if (plot) await checkWritable(plot);
  const model = await readModelFile(path);
  const result = await interruptible(io, async (signal) => {
    const whole = await open(io, options.data, options.split, signal);
    const dataset = options.allImages ? whole : withoutCalibrationImages(whole, readMetadata(model));
    if (dataset.length < whole.length) {
      const left = whole.length - dataset.length;
      io.err(
        `Leaving out the ${left} images of ${whole.name} that the exits were calibrated on (--all-images keeps them)`,
      );
    }
    const preprocessing = await preprocessingOf(io, model, dataset, options.preprocessing, signal);
    return evaluate(model, dataset, {
      name: basename(path),
      signal,
      ...(preprocessing && { preprocessing }),
      ...(limit !== undefined && { limit }),
      ...(threads !== undefined && { threads }),
      onProgress: ({ done, total }) => io.status(`${bar(done / total)} ${done} of ${total} images`),
    });
  });
  io.status("");
  if (plot) {
    await writeAtomically([{ path: plot, parts: [Buffer.from(plotEvaluation(result))] }]);
    io.err(`Drew ${plot}`);
  }
  io.out(options.json ? JSON.stringify(result) : evaluationTable(result));
}

/** What the user says; else, for a model that does not say itself, what suits it best. */
async function preprocessingOf(
  io: Io,
  model: ModelProto,
  dataset: Dataset,
  given: string | undefined,
  signal: AbortSignal,
): Promise<Preprocessing | undefined> {
  if (given) return readPreprocessing(given, model);
  if (readMetadata(model)?.preprocessing) return undefined;
  const found = await detectPreprocessing(model, dataset, signal);
  io.err(`The model does not say how to preprocess; "${found.name}" suits it best (--preprocessing to choose)`);
  return found.preprocessing;
}

export function evaluationTable(result: Evaluation): string {
  const exits = result.exits.map((e) => [e.name, percent(e.flopsFraction), percent(e.top1, 2)]);
  const early = result.exits.slice(0, -1).map((e) => e.name);
  const rows = result.thresholds.map((t) => [
    String(t.threshold),
    percent(t.top1, 2),
    percent(t.meanFlopsFraction),
    ...t.exitRates.map((r) => percent(r)),
  ]);
  return [
    `${result.model} on ${result.images} images of ${result.dataset}\n`,
    table(["exit alone", "FLOPs", "top-1"], exits),
    "",
    table(["threshold", "top-1", "mean FLOPs", ...early, "final"], rows),
  ].join("\n");
}
