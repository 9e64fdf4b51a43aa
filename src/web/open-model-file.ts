// A network from its file, in the computing thread. Apart from the rest, since reading ONNX is most of the code, and a network that
// a server serves in slices does without.

import { openSlicedNetwork } from "../engine/open-sliced-network.ts";
import type { SlicedNetwork } from "../engine/sliced-network.ts";
import { decodeModel } from "../onnx/codec.ts";
import type { CreateSession } from "../runtime/runtime.ts";

/** @throws {SpinnError} InvalidModel, UnsupportedModel */
export async function openModelFile(model: Uint8Array, createSession: CreateSession): Promise<SlicedNetwork> {
  return await openSlicedNetwork(decodeModel(model), { createSession });
}
