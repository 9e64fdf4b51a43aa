// A graph that slices are cut from: where the network's cuts lie in it, and how to get from one to another.

import type { ModelProto } from "../onnx/proto.ts";
import { sliceModel } from "../onnx/slice.ts";
import type { SessionOptions } from "../runtime/runtime.ts";
import type { NetworkInfo } from "./network-info.ts";

export interface SliceGraph {
  /** What the sessions of its slices need. */
  readonly session: SessionOptions;
  /**
   * What is alive at a cut: tensors fit to be sent, or those that are nearest at hand; the same where there is no
   * difference. Undefined when the graph cannot be cut there.
   */
  live(cut: string, portable: boolean): readonly string[] | undefined;
  /** A cut a little further on where it is cheaper to stop, if nothing needs to be sent from here. */
  ahead?(cut: string): string | undefined;
  /** The model that computes the tensors `to` from what is alive at a cut. */
  slice(from: string, portable: boolean, to: readonly string[]): ModelProto | Promise<Uint8Array>;
}

/** The network's own graph. */
export function plainSliceGraph(model: ModelProto, { cuts }: NetworkInfo): SliceGraph {
  const live = new Map(cuts.map(({ id, tensors }) => [id, tensors.map(({ name }) => name)]));
  return {
    session: {},
    live: (cut) => live.get(cut),
    slice: (from, _, to) => sliceModel(model, { from: live.get(from)!, to }),
  };
}
