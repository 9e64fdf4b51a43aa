// `spinn build`: exits for somebody's trained classifier, whose trunk stays frozen.

import { buildProgressive, calibrationSplit } from "../../generator/index.ts";
import { graphOf, indexGraph } from "../../onnx/graph-index.ts";
import { inferShapes, type ModelProto, readModelFile, writeModelFile } from "../../onnx/index.ts";
import { interruptible } from "../interrupt.ts";
import type { Io } from "../io.ts";
import { augmentationFor, open, readLabels, readPreprocessing } from "../options.ts";
import { finished, runOptions, type TrainingOptions } from "../training-run.ts";

export interface BuildCommandOptions extends TrainingOptions {
  preprocessing?: string;
  labels?: string;
  calibrationImages?: number;
}

/** Photos: the maps at the first exits are large, and batches gain nothing on a CPU. */
const PHOTO_BATCH = { batchSize: 32, microBatch: 8 };

export async function buildCommand(io: Io, path: string, options: BuildCommandOptions): Promise<void> {
  const started = performance.now();
  const model = await readModelFile(path);
  await interruptible(io, async (signal) => {
    const run = await runOptions(io, options, signal);
    const training = await open(io, options.data, "train", signal);
    const test = await open(io, options.data, "test", signal);
    // Not from the training images: the trunk knows those by heart and would look surer and better than it is.
    const count = options.calibrationImages ?? Math.max(1, Math.min(2000, Math.floor(test.length / 5)));
    const preprocessing = options.preprocessing && (await readPreprocessing(options.preprocessing, model));
    const labels = options.labels && (await readLabels(options.labels));
    const [, channels = 3, height = 0, width = 0] = inferShapes(model).get(inputOf(model))?.dims ?? [];
    const { model: built } = await buildProgressive(model, {
      ...(Math.max(height, width) > 64 && PHOTO_BATCH),
      ...run,
      training,
      calibration: calibrationSplit(test, count).held,
      augmentation: augmentationFor({ channels: channels === 1 ? 1 : 3, width }),
      ...(preprocessing && { preprocessing }),
      ...(labels && { labels }),
      ...(options.lr !== undefined && { learningRate: options.lr }),
    });
    await writeModelFile(options.out, built);
    await finished(io, options.out, run.checkpoint.path, started);
  });
}

function inputOf(model: ModelProto): string {
  return indexGraph(graphOf(model)).inputs[0]?.name ?? "";
}
