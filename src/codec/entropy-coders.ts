// The lossless back ends there are. Another one is another line here and in codec-ids.ts.

import type { EntropyCoder } from "./entropy-coder.ts";
import { packedPlanes } from "./packed-planes.ts";
import { planesLz4 } from "./planes-lz4.ts";
import { sparseRans } from "./sparse-rans.ts";

export type EntropyCoderName = "packed" | "lz4" | "rans";

export const entropyCoders: Readonly<Record<EntropyCoderName, EntropyCoder>> = {
  /** Bit planes as they are: exactly `bits` bits a value. */
  packed: packedPlanes,
  /** The paper's: bit planes, then LZ4. */
  lz4: planesLz4,
  /** Up to two thirds smaller than `lz4` where there are many zeros. */
  rans: sparseRans,
};
