// Names of codecs and the bytes that stand for them in packets and messages. Names alone: whoever only reads messages needs no
// coder, and a page does not load them twice.

import type { CodecName } from "./packed-tensor.ts";

export const codecIds: Readonly<Record<CodecName, number>> = { float32: 0, packed: 1, lz4: 2, rans: 3 };

const names = new Map(Object.entries(codecIds).map(([name, id]) => [id, name as CodecName]));

/** Undefined where there is no such codec. */
export function codecNamed(id: number): CodecName | undefined {
  return names.get(id);
}
