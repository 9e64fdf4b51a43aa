// How what crosses the link may be packed, as the profiler measures it and the scheduler chooses it.

import type { CodecName } from "../codec/packed-tensor.ts";

/** A codec and the width of its values; 32 for `float32`. */
export interface ProfileCoding {
  readonly codec: CodecName;
  readonly bits: number;
}

/** Raw, the paper's, ours, and ours with half the bits. */
export const profileCodings: readonly ProfileCoding[] = [
  { codec: "float32", bits: 32 },
  { codec: "packed", bits: 8 },
  { codec: "lz4", bits: 8 },
  { codec: "rans", bits: 8 },
  { codec: "rans", bits: 4 },
];

/** As a plan of the scheduler calls it: `lz4`, below 8 bits with the width, `rans/4`. */
export function codingName({ codec, bits }: { readonly codec: string; readonly bits: number }): string {
  return bits < 8 ? `${codec}/${bits}` : codec;
}
