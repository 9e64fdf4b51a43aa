// The paper's lossless back end: bit-shuffle, then LZ4 (SPINN's CNN communication optimiser).

import { fromBitPlanes, planesSize, toBitPlanes } from "./bit-planes.ts";
import type { EntropyCoder, Symbols } from "./entropy-coder.ts";
import { lz4Bound, lz4Compress, lz4Decompress } from "./lz4.ts";
import { Scratch } from "./scratch.ts";

const scratch = { planes: new Scratch(), block: new Scratch() };

export const planesLz4: EntropyCoder = {
  encode(values: Uint8Array, { bits }: Symbols): Uint8Array {
    const planes = scratch.planes.take(planesSize(values.length, bits));
    toBitPlanes(values, bits, planes);
    const block = scratch.block.take(lz4Bound(planes.length));
    return block.slice(0, lz4Compress(planes, block));
  },

  decode(packed: Uint8Array, { bits }: Symbols, out: Uint8Array): void {
    const planes = scratch.planes.take(planesSize(out.length, bits));
    lz4Decompress(packed, planes);
    fromBitPlanes(planes, bits, out);
  },
};
