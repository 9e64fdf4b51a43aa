// Which images of a test split exits are calibrated on, when the trunk has already seen all the others. Fixed, so that an
// evaluation can leave out exactly those.

import { type Dataset, type Holdout, splitHoldout } from "../data/index.ts";
import type { Calibration } from "../progressive/calibration.ts";
import type { Metadata } from "../progressive/metadata.ts";

const SEED = 1;

/** `count` images of `dataset` for calibration; the rest is for evaluation. Its name tells it from any other hold-out. */
export function calibrationSplit(dataset: Dataset, count: number): Holdout {
  const { rest, held } = splitHoldout(dataset, count, SEED);
  return { rest, held: { ...held, name: `${dataset.name}-calibration` } };
}

/**
 * The very images that a record was made on, in its order, where they are a part of this data set; else undefined.
 *
 * @param seed of the training that held them out; those held out of a test split have one of their own
 */
export function calibrationImages(
  dataset: Dataset,
  record: Pick<Calibration, "dataset" | "images">,
  seed: number,
): Dataset | undefined {
  if (record.images > dataset.length) return undefined;
  const { held } = calibrationSplit(dataset, record.images);
  if (record.dataset === held.name) return held;
  const trained = splitHoldout(dataset, record.images, seed).held;
  return record.dataset === trained.name ? trained : undefined;
}

/** The images of `dataset` that the model was not calibrated on. */
export function withoutCalibrationImages(dataset: Dataset, metadata: Metadata | undefined): Dataset {
  const record = metadata?.calibration;
  if (!record || record.images >= dataset.length) return dataset;
  const { rest, held } = calibrationSplit(dataset, record.images);
  return record.dataset === held.name ? rest : dataset;
}
