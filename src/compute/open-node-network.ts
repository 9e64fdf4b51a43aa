// A sliced network in Node: on onnxruntime-node, with slices of the optimised graph, which is made once for each machine,
// version of the runtime and network, and kept.

import { createHash } from "node:crypto";
import { checkSlices } from "../engine/check-slices.ts";
import { describeNetwork, type NetworkInfo } from "../engine/network-info.ts";
import { openSlicedNetwork, type SlicedNetworkOptions } from "../engine/open-sliced-network.ts";
import { withBoundaryOutputs } from "../engine/optimized-slice-graph.ts";
import type { SlicedNetwork } from "../engine/sliced-network.ts";
import { isSpinnError, messageOf } from "../errors.ts";
import { decodeModel } from "../onnx/codec.ts";
import { graphOf } from "../onnx/graph-index.ts";
import type { ModelProto } from "../onnx/proto.ts";
import { createSession, optimizeModel, optimizerFingerprint, type SessionOptions } from "../runtime/index.ts";
import { keepOptimized, readOptimized } from "./optimized-cache.ts";

export interface NodeNetworkOptions {
  /** For the session of every slice. */
  readonly session?: SessionOptions;
  /** Where optimised graphs are kept. @default none: made anew each time, in a second or so */
  readonly cacheFolder?: string;
  /**
   * Called when slices have to be cut from the network's own graph, 1.1 to 1.3 times as slow as the whole.
   *
   * @param reason one line
   */
  readonly onFallback?: (reason: string) => void;
}

/**
 * @param model valid; without metadata it is a network with its final exit alone
 * @throws {SpinnError} as `describeNetwork`
 * @example const network = await openNodeNetwork(model, { cacheFolder: join(cacheRoot(), "slices") });
 */
export async function openNodeNetwork(model: ModelProto, options: NodeNetworkOptions = {}): Promise<SlicedNetwork> {
  const { cacheFolder, onFallback, session = {} } = options;
  const plain = { createSession, session, info: describeNetwork(model) };
  // What another provider makes of the graph is its own affair.
  if (session.executionProviders?.some((name) => name !== "cpu")) return await openSlicedNetwork(model, plain);
  try {
    const optimized = await optimizedModel(model, plain, cacheFolder);
    return await openSlicedNetwork(model, { ...plain, optimized });
  } catch (error) {
    if (!isSpinnError(error)) throw error;
    onFallback?.(`Slices of the optimised graph cannot be used: ${messageOf(error)}`);
    return await openSlicedNetwork(model, plain);
  }
}

/** @throws {SpinnError} when the runtime cannot make it or its slices compute something else */
async function optimizedModel(
  model: ModelProto,
  plain: SlicedNetworkOptions & { readonly info: NetworkInfo },
  folder: string | undefined,
): Promise<ModelProto> {
  const wanted = withBoundaryOutputs(model, plain.info);
  const name = await nameOf(plain.info, wanted);
  const kept = folder === undefined ? undefined : await readOptimized(folder, name);
  if (kept) return decodeModel(kept);
  const bytes = await optimizeModel(wanted);
  const optimized = decodeModel(bytes);
  await checkSlices(model, { ...plain, optimized });
  if (folder !== undefined) await keepOptimized(folder, name, bytes);
  return optimized;
}

/** Of all that the optimised graph depends on. */
async function nameOf({ modelHash }: NetworkInfo, wanted: ModelProto): Promise<string> {
  const hash = createHash("sha256").update(modelHash);
  for (const { name } of graphOf(wanted).output) hash.update(`${name}\n`);
  return hash
    .update(await optimizerFingerprint())
    .digest("hex")
    .slice(0, 32);
}
