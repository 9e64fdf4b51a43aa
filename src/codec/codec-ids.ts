// Names of codecs and the bytes that stand for them in packets and messages.

import { entropyCoders } from "./entropy-coders.ts";
import type { CodecName } from "./packed-tensor.ts";

export const codecIds: Readonly<Record<CodecName, number>> = {
  float32: 0,
  packed: entropyCoders.packed.id,
  lz4: entropyCoders.lz4.id,
  rans: entropyCoders.rans.id,
};

const names = new Map(Object.entries(codecIds).map(([name, id]) => [id, name as CodecName]));

/** Undefined where there is no such codec. */
export function codecNamed(id: number): CodecName | undefined {
  return names.get(id);
}
