// Parts of a data set: chosen images, and the held-out ones on which exits are calibrated.

import { createRng, mixSeed, permutation } from "../random.ts";
import { checkIndex, type Dataset } from "./dataset.ts";

/**
 * The images at `indices`, in that order. Nothing is copied but labels.
 *
 * @param name what to call it. @default the data set's own name
 * @throws {RangeError} when an index is outside the data set
 */
export function subset(dataset: Dataset, indices: ArrayLike<number>, name: string = dataset.name): Dataset {
  const chosen = Uint32Array.from(indices, (index) => {
    checkIndex(dataset, index);
    return index;
  });
  const { classes, classIndices, width, height } = dataset;
  const part: Dataset = {
    name,
    length: chosen.length,
    classes,
    labels: Uint16Array.from(chosen, (index) => dataset.labels[index]!),
    ...(classIndices && { classIndices }),
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    pixels(index) {
      checkIndex(part, index);
      return dataset.pixels(chosen[index]!);
    },
    ...(dataset.share && { share: () => ({ kind: "subset", name, of: dataset.share!(), indices: chosen }) }),
  };
  return part;
}

export interface Holdout {
  /** What remains, in the data set's order. */
  readonly rest: Dataset;
  /** `count` images, in the data set's order. */
  readonly held: Dataset;
}

/**
 * Holds out `count` images, of each class in proportion (to within one image), chosen by `seed`.
 *
 * @throws {RangeError} when `count` is not in [0, length]
 */
export function splitHoldout(dataset: Dataset, count: number, seed: number): Holdout {
  if (!(Number.isInteger(count) && count >= 0 && count <= dataset.length))
    throw new RangeError(`Cannot hold out ${count} of ${dataset.length} images`);
  const members = dataset.classes.map((): number[] => []);
  for (const [index, label] of dataset.labels.entries()) members[label]!.push(index);

  // whole shares first, then one more image for the classes with the largest remainders
  const exact = members.map(({ length }) => (length * count) / dataset.length);
  const shares = exact.map(Math.floor);
  const missing = count - shares.reduce((sum, share) => sum + share, 0);
  const byRemainder = exact.map((value, label) => ({ label, rest: value % 1 })).sort((a, b) => b.rest - a.rest);
  for (const { label } of byRemainder.slice(0, missing)) shares[label]! += 1;

  const isHeld = new Uint8Array(dataset.length);
  for (const [label, indices] of members.entries()) {
    const order = permutation(indices.length, createRng(mixSeed(seed, label)));
    for (const at of order.subarray(0, shares[label])) isHeld[indices[at]!] = 1;
  }
  const where = (held: number) => Array.from(isHeld.keys()).filter((index) => isHeld[index] === held);
  return {
    rest: subset(dataset, where(0), `${dataset.name}-rest`),
    held: subset(dataset, where(1), `${dataset.name}-held`),
  };
}
