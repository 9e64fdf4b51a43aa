// Running a classifier, progressive or plain, over a data set: the logits of all exits, from which calibration and
// evaluation start.

import { availableParallelism } from "node:os";
import { createBatchLoader } from "../data/batch-loader.ts";
import { outputIndices } from "../data/class-table.ts";
import type { Dataset } from "../data/dataset.ts";
import { subset } from "../data/subset.ts";
import { SpinnError } from "../errors.ts";
import type { Preprocessing } from "../image/preprocessing.ts";
import { graphOf, indexGraph } from "../onnx/graph-index.ts";
import { label, shapeLabel } from "../onnx/label.ts";
import { declaredType, type ModelProto } from "../onnx/proto.ts";
import { inferShapes } from "../onnx/shapes.ts";
import { classesOf, readMetadata } from "../progressive/metadata.ts";
import { createSession } from "../runtime/index.ts";
import { float32 } from "../tensor.ts";

export interface CollectOptions {
  /** How images become input. @default what the model's metadata says */
  preprocessing?: Preprocessing;
  /** @default 64, and 4 for images larger than 64x64, where more gains nothing on a CPU */
  batchSize?: number;
  /** Threads inside one operator. @default all cores, at most 4 */
  threads?: number;
  /** At most so many images, evenly spread over the data set. @default all */
  limit?: number;
  onProgress?: (progress: { done: number; total: number }) => void;
  signal?: AbortSignal;
}

export interface ExitLogits {
  readonly images: number;
  readonly classes: number;
  /** For each exit, the final one last: [images, classes]. */
  readonly exits: readonly Float32Array[];
  /** The right class among the network's for each image. */
  readonly labels: Uint16Array;
}

/**
 * @param model with metadata, or a plain classifier: then its only output is the only exit
 * @throws {RangeError} when there are no images, or the batch size or limit is not positive
 * @throws {SpinnError} UnsupportedModel when nothing says how to preprocess or the network does not fit; InvalidModel
 *   when it computes something that is no number; InvalidData for images or classes; Runtime; Aborted
 */
export async function collectLogits(
  model: ModelProto,
  dataset: Dataset,
  options: CollectOptions = {},
): Promise<ExitLogits> {
  const { input, outputs, classes, preprocessing, fixedBatch } = describe(model, options.preprocessing);
  const images = spread(dataset, options.limit);
  const classOf = outputIndices(images, classes);
  const large = preprocessing.width * preprocessing.height > 64 * 64;
  const batchSize = fixedBatch ?? options.batchSize ?? (large ? 4 : 64);
  const loader = createBatchLoader(images, { batchSize, preprocessing });
  const exits = outputs.map(() => new Float32Array(images.length * classes));
  const session = await createSession(model, { threads: options.threads ?? Math.min(4, availableParallelism()) });
  try {
    let next = loader.batch(0, 0);
    for (let step = 0; step < loader.stepsPerEpoch; step++) {
      if (options.signal?.aborted) throw new SpinnError("Aborted", "Stopped while running the network over the images");
      const batch = await next;
      // files are read and decoded while the network runs
      if (step + 1 < loader.stepsPerEpoch) next = loader.batch(0, step + 1);
      next.catch(() => undefined); // met when its turn comes
      const results = await session.run({ [input]: float32(batch.images, batch.dims) }, outputs);
      const start = step * batchSize;
      outputs.forEach((output, e) => {
        exits[e]!.set(finite(results[output]!.data as Float32Array, output), start * classes);
      });
      options.onProgress?.({ done: start + batch.labels.length, total: images.length });
    }
  } finally {
    await session.release();
  }
  return { images: images.length, classes, exits, labels: images.labels.map((l) => classOf[l]!) };
}

function describe(model: ModelProto, given: Preprocessing | undefined) {
  const metadata = readMetadata(model);
  const { inputs, outputs } = indexGraph(graphOf(model));
  const names = outputs.map((o) => o.name);
  if (!metadata && names.length !== 1)
    throw new SpinnError(
      "UnsupportedModel",
      `The model has ${names.length} outputs and no metadata that explains them`,
    );
  const [input, ...more] = inputs;
  if (!input || more.length > 0)
    throw new SpinnError("UnsupportedModel", `The model has ${inputs.length} inputs instead of one image`);
  const preprocessing = given ?? metadata?.preprocessing;
  if (!preprocessing) {
    throw new SpinnError("UnsupportedModel", "The model does not say how an image becomes its input", {
      hint: "Name its preprocessing",
    });
  }
  const types = inferShapes(model);
  const { channels, height, width } = preprocessing;
  const wanted = types.get(input.name)!.dims.slice(1);
  if (wanted.join() !== [channels, height, width].join()) {
    const made = shapeLabel([channels, height, width]);
    throw new SpinnError(
      "UnsupportedModel",
      `The network takes images ${shapeLabel(wanted)}, preprocessing makes ${made}`,
    );
  }
  const declared = declaredType(input)?.dims?.[0];
  if (typeof declared === "number" && declared !== 1)
    throw new SpinnError("UnsupportedModel", `The network takes exactly ${declared} images at once`);
  const classes = classesOf(types, names.at(-1)!);
  return { input: input.name, outputs: names, classes, preprocessing, fixedBatch: declared === 1 ? 1 : undefined };
}

function spread(dataset: Dataset, limit: number = dataset.length): Dataset {
  if (!(limit > 0)) throw new RangeError(`Cannot run over ${limit} images`);
  if (limit >= dataset.length) return dataset;
  const indices = Uint32Array.from({ length: limit }, (_, i) => Math.floor((i * dataset.length) / limit));
  return subset(dataset, indices);
}

function finite(values: Float32Array, output: string): Float32Array {
  if (values.every(Number.isFinite)) return values;
  throw new SpinnError("InvalidModel", `The network's output ${label(output)} is not a number for some image`, {
    hint: "Its weights may be damaged",
  });
}
