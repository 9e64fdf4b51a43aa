// Batches of network input from a data set, the same ones for the same seed however and wherever they are computed.

import { createPreprocessor } from "../image/preprocess.ts";
import type { Preprocessing } from "../image/preprocessing.ts";
import { createRng, mixSeed, permutation } from "../random.ts";
import { type Augmentation, drawView } from "./augment.ts";
import type { Dataset } from "./dataset.ts";

export interface Batch {
  readonly epoch: number;
  readonly step: number;
  /** [size, channels, height, width] of `images`. */
  readonly dims: readonly [number, number, number, number];
  readonly images: Float32Array;
  /** [size] */
  readonly labels: Int32Array;
  /** [size], into the data set. */
  readonly indices: Uint32Array;
}

/** Where batches come from: computed when asked for ({@link createBatchLoader}), or ahead of time (`prefetch()`). */
export interface BatchSource {
  readonly batchSize: number;
  readonly stepsPerEpoch: number;
  /**
   * The batches of an epoch in order, from `firstStep` on. A batch's memory may be reused once the next one is asked
   * for: copy what must stay.
   *
   * @throws {SpinnError} InvalidData or FileAccess for an image that cannot be read
   */
  epoch(epoch: number, firstStep?: number): AsyncIterableIterator<Batch>;
  /** Frees threads and memory; may be called twice. */
  close(): Promise<void>;
}

export interface BatchLoader extends BatchSource {
  /**
   * Any one batch. Without `into` its memory is new.
   *
   * @param into room for `images` of a whole batch, of which the result is a view
   * @throws {RangeError} when `step` is outside [0, stepsPerEpoch)
   */
  batch(epoch: number, step: number, into?: Float32Array): Promise<Batch>;
}

/** Plain JSON, so that another thread can be given it. */
export interface BatchLoaderOptions {
  batchSize: number;
  preprocessing: Preprocessing;
  /** @default none */
  augmentation?: Augmentation;
  /** A new order each epoch. @default false: the data set's order */
  shuffle?: boolean;
  /** Leave out what does not fill a batch (training); else the last batch is smaller (evaluation). @default false */
  dropLast?: boolean;
  /** Names order and augmentation. @default 0 */
  seed?: number;
}

/** @throws {RangeError} when the batch size is not positive, or larger than the data set while `dropLast` */
export function createBatchLoader(dataset: Dataset, options: BatchLoaderOptions): BatchLoader {
  const { batchSize, preprocessing, augmentation, shuffle = false, dropLast = false, seed = 0 } = options;
  if (!(Number.isInteger(batchSize) && batchSize > 0)) throw new RangeError(`A batch cannot have ${batchSize} images`);
  const stepsPerEpoch = dropLast ? Math.floor(dataset.length / batchSize) : Math.ceil(dataset.length / batchSize);
  if (stepsPerEpoch === 0) throw new RangeError(`${dataset.name} has too few images for a batch of ${batchSize}`);
  const { channels, height, width } = preprocessing;
  const imageSize = channels * height * width;
  const apply = createPreprocessor(preprocessing);

  let order: { epoch: number; indices: Uint32Array } = {
    epoch: -1,
    indices: Uint32Array.from({ length: dataset.length }, (_, i) => i),
  };
  const orderOf = (epoch: number): Uint32Array => {
    if (shuffle && order.epoch !== epoch)
      order = { epoch, indices: permutation(dataset.length, createRng(mixSeed(seed, epoch))) };
    return order.indices;
  };

  const batch = async (epoch: number, step: number, into?: Float32Array): Promise<Batch> => {
    if (!(Number.isInteger(step) && step >= 0 && step < stepsPerEpoch))
      throw new RangeError(`An epoch has steps 0 to ${stepsPerEpoch - 1}, not ${step}`);
    const indices = orderOf(epoch).slice(step * batchSize, (step + 1) * batchSize);
    const images = into ? into.subarray(0, indices.length * imageSize) : new Float32Array(indices.length * imageSize);
    const waiting: Promise<void>[] = [];
    for (const [position, index] of indices.entries()) {
      const write = (pixels: Awaited<ReturnType<Dataset["pixels"]>>) => {
        const view = augmentation && drawView(augmentation, seed, epoch, index, pixels.width, pixels.height);
        apply(pixels, images, position * imageSize, view);
      };
      // images in memory are done on the spot: a promise each would cost more than the work
      const pixels = dataset.pixels(index);
      if (pixels instanceof Promise) waiting.push(pixels.then(write));
      else write(pixels);
    }
    await Promise.all(waiting);
    const labels = Int32Array.from(indices, (index) => dataset.labels[index]!);
    return { epoch, step, dims: [indices.length, channels, height, width], images, labels, indices };
  };

  return {
    batchSize,
    stepsPerEpoch,
    batch,
    async *epoch(epoch, firstStep = 0) {
      for (let step = firstStep; step < stepsPerEpoch; step++) yield await batch(epoch, step);
    },
    close: async () => {},
  };
}
