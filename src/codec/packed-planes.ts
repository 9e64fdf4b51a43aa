// No entropy coding: what quantisation alone saves, and the way out when a coder would make a tensor longer.

import { fromBitPlanes, planesSize, toBitPlanes } from "./bit-planes.ts";
import type { EntropyCoder, Symbols } from "./entropy-coder.ts";
import { invalidFrame } from "./invalid-frame.ts";

export const packedPlanes: EntropyCoder = {
  encode(values: Uint8Array, { bits }: Symbols): Uint8Array {
    const out = new Uint8Array(planesSize(values.length, bits));
    toBitPlanes(values, bits, out);
    return out;
  },

  decode(packed: Uint8Array, { bits }: Symbols, out: Uint8Array): void {
    const size = planesSize(out.length, bits);
    if (packed.length !== size) throw invalidFrame("packed tensor", `${packed.length} bytes are not ${size}`);
    fromBitPlanes(packed, bits, out);
  },
};
