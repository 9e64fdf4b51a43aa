// How good a model is on a data set: each exit alone, and the exit policy at the usual thresholds, as in the paper's
// Figs. 3 and 4.

import type { Dataset } from "../data/dataset.ts";
import { decodeModel } from "../onnx/codec.ts";
import { graphOf } from "../onnx/graph-index.ts";
import type { ModelProto } from "../onnx/proto.ts";
import { checkThresholds } from "../progressive/exit-policy.ts";
import { readMetadata } from "../progressive/metadata.ts";
import { accuracies, type PolicyOutcome, policyOutcome } from "../progressive/policy-outcome.ts";
import { recordOf } from "./calibrate.ts";
import { type CollectOptions, collectLogits } from "./collect-logits.ts";

export interface EvaluateOptions extends CollectOptions {
  /** What to call the model in the result. @default its graph's name */
  name?: string;
  /** @default 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1 */
  thresholds?: readonly number[];
}

/** Plain JSON; fractions in [0, 1]. */
export interface Evaluation {
  model: string;
  dataset: string;
  images: number;
  /** Each exit alone, the final one last; a plain classifier has only that. */
  exits: { name: string; flopsFraction: number; top1: number }[];
  thresholds: ({ threshold: number } & PolicyOutcome)[];
}

export const defaultThresholds: readonly number[] = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1];

/**
 * Runs the model over the data set, with its own preprocessing and temperatures. A plain classifier without metadata
 * needs the `preprocessing` option.
 *
 * @throws {SpinnError} as `decodeModel()` and `collectLogits()`
 * @throws {RangeError} for thresholds outside [0, 1]
 * @example const { exits } = await evaluate(await readFile("model.spinn.onnx"), await openDataset("cifar10"));
 */
export async function evaluate(
  model: Uint8Array | ModelProto,
  dataset: Dataset,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const message = model instanceof Uint8Array ? decodeModel(model) : model;
  const metadata = readMetadata(message);
  const early = metadata?.exits ?? [];
  const flopsFractions = [...early.map((e) => e.flopsFraction), 1];
  const names = [...early.map((e) => e.name), "final"];
  const thresholds = options.thresholds ?? defaultThresholds;
  for (const threshold of thresholds) checkThresholds(threshold, names.length);
  const logits = await collectLogits(message, dataset, options);
  const record = recordOf(logits, metadata?.calibration?.temperatures ?? names.map(() => 1));
  const top1 = accuracies(record);
  return {
    model: options.name ?? graphOf(message).name,
    dataset: dataset.name,
    images: record.images,
    exits: names.map((name, i) => ({ name, flopsFraction: flopsFractions[i]!, top1: top1[i]! })),
    thresholds: thresholds.map((threshold) => ({
      threshold,
      ...policyOutcome(record, threshold, flopsFractions),
    })),
  };
}
