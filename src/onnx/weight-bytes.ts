// How large a network is.

import type { ModelProto } from "./proto.ts";

/** What a model's weights take, whichever way they are written down. */
export function weightBytes({ graph }: ModelProto): number {
  return (graph?.initializer ?? []).reduce((sum, t) => sum + t.rawData.byteLength + 4 * t.floatData.length, 0);
}
