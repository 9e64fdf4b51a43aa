// Where a network's description and its slices are, below wherever a server serves it.

import { hexOf } from "../hex.ts";
import type { NetworkInfo } from "./network-info.ts";

/** What the network is, as `networkFromJson` reads it. */
export const NETWORK_PATH = "network.json";
export const SLICE_PATH = "slice.onnx";

/**
 * It names the network, so that what is there may be kept for good.
 *
 * @param from id of the cut that the slice starts at
 * @param to tensors that it computes
 */
export function slicePath({ modelHash }: NetworkInfo, from: string, to: readonly string[]): string {
  const query = new URLSearchParams({ network: hexOf(modelHash), from });
  for (const name of to) query.append("to", name);
  return `${SLICE_PATH}?${query}`;
}
