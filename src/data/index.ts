// Public names of `spinn/data`: data sets, preprocessing, augmentation and batches.

export { type Augmentation, augmentations } from "./augment.ts";
export {
  type Batch,
  type BatchLoader,
  type BatchLoaderOptions,
  type BatchSource,
  createBatchLoader,
} from "./batch-loader.ts";
export { cacheRoot } from "./cache.ts";
export { openCifar10 } from "./cifar10.ts";
export type { Dataset, Pixels, SharedDataset } from "./dataset.ts";
export { decodeImage, decodeImageFile } from "./decode-image.ts";
export type { OpenOptions, Split } from "./open-options.ts";
export { packedDataset } from "./packed-dataset.ts";
export { preprocess } from "./preprocess.ts";
export { type Preprocessing, parsePreprocessing, preprocessings } from "./preprocessing.ts";
export { type Holdout, splitHoldout, subset } from "./subset.ts";
