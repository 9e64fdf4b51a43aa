// Which images of a test split exits are calibrated on, when the trunk has already seen all the others. Fixed, so that an
// evaluation can leave out exactly those.

import { type Dataset, type Holdout, splitHoldout } from "../data/index.ts";
import type { Metadata } from "../progressive/metadata.ts";

const SEED = 1;

/** `count` images of `dataset` for calibration; the rest is for evaluation. Its name tells it from any other hold-out. */
export function calibrationSplit(dataset: Dataset, count: number): Holdout {
  const { rest, held } = splitHoldout(dataset, count, SEED);
  return { rest, held: { ...held, name: `${dataset.name}-calibration` } };
}

/** The images of `dataset` that the model was not calibrated on. */
export function withoutCalibrationImages(dataset: Dataset, metadata: Metadata | undefined): Dataset {
  const record = metadata?.calibration;
  if (!record || record.images >= dataset.length) return dataset;
  const { rest, held } = calibrationSplit(dataset, record.images);
  return record.dataset === held.name ? rest : dataset;
}
