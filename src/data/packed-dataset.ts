// Images of one size that lie one after the other in shared memory: CIFAR and MNIST, read once, seen by all threads.

import type { Pixels } from "../image/pixels.ts";
import { checkIndex, type Dataset, type SharedPacked } from "./dataset.ts";

/**
 * A data set over memory that is not copied.
 *
 * @throws {RangeError} when bytes, labels and size disagree, or a label is outside the classes
 */
export function packedDataset(packed: Omit<SharedPacked, "kind">): Dataset {
  const { name, classes, classIndices, width, height, channels, bytes, labels } = packed;
  const stride = width * height * channels;
  if (bytes.length !== labels.length * stride)
    throw new RangeError(`${bytes.length} bytes are not ${labels.length} images of ${width}x${height}x${channels}`);
  for (const label of labels)
    if (label >= classes.length) throw new RangeError(`Label ${label} is outside ${classes.length} classes`);
  const dataset: Dataset = {
    name,
    length: labels.length,
    classes,
    labels,
    ...(classIndices && { classIndices }),
    width,
    height,
    pixels(index): Pixels {
      checkIndex(dataset, index);
      return { width, height, data: bytes.subarray(index * stride, (index + 1) * stride) };
    },
    share: () => ({ kind: "packed", ...packed }),
  };
  return dataset;
}
