// What a compute worker is started with: plain data.

import type { SessionOptions } from "../runtime/runtime.ts";

export interface ComputeSetup {
  /** Path of a file, or its bytes. */
  readonly model: string | Uint8Array;
  readonly session: SessionOptions;
  /** Where what was made of the network is kept. */
  readonly cacheFolder: string;
  readonly maxImagePixels: number;
  /** Do tasks go through the network together? */
  readonly batching: boolean;
}
