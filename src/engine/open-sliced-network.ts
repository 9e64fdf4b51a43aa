// A progressive network from its file as slices.

import type { ModelProto } from "../onnx/proto.ts";
import { weightBytes } from "../onnx/weight-bytes.ts";
import { openSlices, type SliceOptions } from "./lazy-slices.ts";
import { describeNetwork, type NetworkInfo } from "./network-info.ts";
import { optimizedSliceGraph } from "./optimized-slice-graph.ts";
import { plainSliceGraph } from "./slice-graph.ts";
import type { SlicedNetwork } from "./sliced-network.ts";

export interface SlicedNetworkOptions extends SliceOptions {
  /** Weights of the sessions that are kept open. @default 64 MiB, or four times the network */
  readonly maxWeightBytes?: number;
  /**
   * What the same runtime on this machine made of the network (`withBoundaryOutputs`): its slices cost hardly more than
   * the whole. Where it cannot be cut, the network's own graph is.
   */
  readonly optimized?: ModelProto;
  /** What `describeNetwork` says of the model, for those who have asked already. */
  readonly info?: NetworkInfo;
}

/**
 * @param model valid; without metadata it is a network with its final exit alone
 * @throws {SpinnError} as `describeNetwork`
 */
export async function openSlicedNetwork(model: ModelProto, options: SlicedNetworkOptions): Promise<SlicedNetwork> {
  const info = options.info ?? describeNetwork(model);
  const optimized = options.optimized && optimizedSliceGraph(options.optimized, model, info);
  const graphs = { plain: plainSliceGraph(model, info), ...(optimized && { optimized }) };
  const maxWeightBytes = Math.max(64 * 2 ** 20, 4 * weightBytes(model));
  return openSlices(info, graphs, { maxWeightBytes, ...options });
}
