// The last step of SPINN's generator, the first of its profiler: on held-out images, a temperature for each exit and
// the record from which accuracy, exit rates and cost follow for every threshold.

import type { Dataset } from "../data/dataset.ts";
import type { ModelProto } from "../onnx/proto.ts";
import type { Calibration } from "../progressive/calibration.ts";
import { answerOf } from "../progressive/confidence.ts";
import { withMetadata } from "../progressive/metadata.ts";
import type { ExitRecord } from "../progressive/policy-outcome.ts";
import { type CollectOptions, collectLogits, type ExitLogits } from "./collect-logits.ts";
import { fitFinalTemperature } from "./fit-final-temperature.ts";
import { fitTemperature } from "./fit-temperature.ts";

/** Enough for every threshold, and below 100 kB in the file. */
const defaultLimit = 5000;

/**
 * The model with its calibration in the metadata.
 *
 * @param dataset images that training has not seen; on others every exit looks better than it is
 * @param options as for `collectLogits()`, but at most 5 000 images unless `limit` says otherwise
 * @throws as `collectLogits()`
 */
export async function calibrate(
  model: ModelProto,
  dataset: Dataset,
  options: CollectOptions = {},
): Promise<ModelProto> {
  const logits = await collectLogits(model, dataset, { limit: defaultLimit, ...options });
  return withMetadata(model, { calibration: calibrationOf(logits, dataset.name) });
}

/** Fits the temperatures, the final exit's for when nobody is confident, and records what follows. */
export function calibrationOf(logits: ExitLogits, dataset: string): Calibration {
  const calibrated = logits.exits.map((exit) => fitTemperature(exit, logits.labels));
  const final = fitFinalTemperature(recordOf(logits, calibrated), logits.exits.at(-1)!, calibrated.at(-1)!);
  const temperatures = [...calibrated.slice(0, -1), final];
  return { dataset, temperatures, ...recordOf(logits, temperatures) };
}

/** Confidence and correctness of each exit on each image. */
export function recordOf(logits: ExitLogits, temperatures: readonly number[]): ExitRecord {
  const { images, classes, exits, labels } = logits;
  const confidences = new Float32Array(images * exits.length);
  const correct = new Uint8Array(images * exits.length);
  exits.forEach((values, e) => {
    for (let i = 0; i < images; i++) {
      const answer = answerOf(values.subarray(i * classes, (i + 1) * classes), temperatures[e]);
      confidences[i * exits.length + e] = answer.confidence;
      correct[i * exits.length + e] = answer.prediction === labels[i] ? 1 : 0;
    }
  });
  return { images, confidences, correct };
}
