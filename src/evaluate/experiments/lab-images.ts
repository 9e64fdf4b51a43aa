// The images of all experiments: of the test split, none that the network's exits were calibrated on, in an order that every
// process finds by itself.

import { type Dataset, openDataset, subset } from "../../data/index.ts";
import { withoutCalibrationImages } from "../../generator/calibration-split.ts";
import type { Metadata } from "../../progressive/index.ts";
import { createRng, permutation } from "../../random.ts";

export interface LabImagesOptions {
  /** As for `openDataset`. */
  readonly data: string;
  readonly count: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
}

/** @throws {SpinnError} as `openDataset` */
export async function labImages(
  metadata: Metadata | undefined,
  { data, count, seed, signal }: LabImagesOptions,
): Promise<Dataset> {
  const test = await openDataset(data, { split: "test", ...(signal && { signal }) });
  const unseen = withoutCalibrationImages(test, metadata);
  return subset(unseen, permutation(unseen.length, createRng(seed)).subarray(0, count));
}
