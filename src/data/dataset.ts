// The one interface to labelled images, whatever they are stored as, and what it takes to send one to another thread.

import type { Pixels } from "../image/pixels.ts";

export interface Dataset {
  /** What it is called in reports, e.g. `cifar10/test`. */
  readonly name: string;
  readonly length: number;
  /** Human-readable class names; a label indexes them. */
  readonly classes: readonly string[];
  /** [length] */
  readonly labels: Uint16Array;
  /** ImageNet index (0..999) of each class, where the classes are ImageNet's. See `outputIndices()`. */
  readonly classIndices?: readonly number[];
  /** Width in pixels, where all images share it. */
  readonly width?: number;
  /** Height in pixels, where all images share it. */
  readonly height?: number;
  /**
   * The image at `index`: at once where it lies in memory (a view, not to be written to), else a promise.
   *
   * @throws {RangeError} when there is no such index
   * @throws {SpinnError} InvalidData or FileAccess, naming the file
   */
  pixels(index: number): Pixels | Promise<Pixels>;
  /**
   * What another thread needs to open the same images (`fromShared()`): plain data and shared memory, nothing copied.
   * Absent where that cannot be, and then the data set is read in the caller's thread only.
   */
  share?(): SharedDataset;
}

/** A data set as a message between threads. */
export type SharedDataset = SharedPacked | SharedFiles | SharedSubset;

interface SharedHeader {
  name: string;
  classes: readonly string[];
  classIndices?: readonly number[];
}

/** Images of one size, one after the other in memory. */
export interface SharedPacked extends SharedHeader {
  kind: "packed";
  width: number;
  height: number;
  channels: 1 | 3;
  /** [length, height, width, channels] */
  bytes: Uint8Array<SharedArrayBuffer>;
  labels: Uint16Array;
}

/** Image files of any size. */
export interface SharedFiles extends SharedHeader {
  kind: "files";
  paths: readonly string[];
  labels: Uint16Array;
}

/** Some images of another data set. */
export interface SharedSubset {
  kind: "subset";
  name: string;
  of: SharedDataset;
  indices: Uint32Array;
}

/** @throws {RangeError} when `index` is outside [0, length) */
export function checkIndex(dataset: { name: string; length: number }, index: number): void {
  if (!(Number.isInteger(index) && index >= 0 && index < dataset.length))
    throw new RangeError(`${dataset.name} has images 0 to ${dataset.length - 1}, not ${index}`);
}
