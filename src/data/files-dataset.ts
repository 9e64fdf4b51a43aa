// Images that stay in their files and are decoded when asked for.

import { checkIndex, type Dataset, type SharedFiles } from "./dataset.ts";
import { decodeImageFile } from "./decode-image.ts";

/** @throws {RangeError} when there are not as many labels as files */
export function filesDataset(files: Omit<SharedFiles, "kind">): Dataset {
  const { name, classes, classIndices, paths, labels } = files;
  if (paths.length !== labels.length) throw new RangeError(`${labels.length} labels for ${paths.length} files`);
  const dataset: Dataset = {
    name,
    length: paths.length,
    classes,
    labels,
    ...(classIndices && { classIndices }),
    pixels(index) {
      checkIndex(dataset, index);
      return decodeImageFile(paths[index]!);
    },
    share: () => ({ kind: "files", ...files }),
  };
  return dataset;
}
