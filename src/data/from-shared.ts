// The other end of `Dataset.share()`: the same images in another thread.

import type { Dataset, SharedDataset } from "./dataset.ts";
import { filesDataset } from "./files-dataset.ts";
import { packedDataset } from "./packed-dataset.ts";
import { subset } from "./subset.ts";

/** Opens what another thread shares. Pixels in memory are the very same memory. */
export function fromShared(shared: SharedDataset): Dataset {
  switch (shared.kind) {
    case "packed":
      return packedDataset(shared);
    case "files":
      return filesDataset(shared);
    case "subset":
      return subset(fromShared(shared.of), shared.indices, shared.name);
    default:
      return shared satisfies never;
  }
}
