// Public names of `spinn/data`: data sets, augmentation and batches.

export { type Augmentation, augmentations } from "./augment.ts";
export {
  type Batch,
  type BatchLoader,
  type BatchLoaderOptions,
  type BatchSource,
  createBatchLoader,
} from "./batch-loader.ts";
export { cacheRoot } from "./cache.ts";
export { outputIndices } from "./class-table.ts";
export type { Dataset, SharedDataset } from "./dataset.ts";
export { type DecodeImageOptions, decodeImage, decodeImageFile } from "./decode-image.ts";
export { dataRoot, openDataset } from "./open-dataset.ts";
export type { OpenOptions, Split } from "./open-options.ts";
export { packedDataset } from "./packed-dataset.ts";
export { type PrefetchOptions, prefetch } from "./prefetch.ts";
export { type Holdout, splitHoldout, subset } from "./subset.ts";
