// A sliced network in Node: on onnxruntime-node, with slices of the optimised graph, which is made once for each machine,
// version of the runtime and network, and kept.

import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "../atomic-write.ts";
import { checkSlices } from "../engine/check-slices.ts";
import { describeNetwork } from "../engine/network-info.ts";
import { openSlicedNetwork } from "../engine/open-sliced-network.ts";
import { withBoundaryOutputs } from "../engine/optimized-slice-graph.ts";
import type { SlicedNetwork } from "../engine/sliced-network.ts";
import { isSpinnError, messageOf } from "../errors.ts";
import { decodeModel } from "../onnx/codec.ts";
import { graphOf } from "../onnx/graph-index.ts";
import type { ModelProto } from "../onnx/proto.ts";
import { createSession, optimizeModel, optimizerFingerprint, type SessionOptions } from "../runtime/index.ts";

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
  const { cacheFolder, onFallback } = options;
  const session: SessionOptions = { arena: false, ...options.session };
  const base = { createSession, session };
  // What another provider makes of the graph is its own affair.
  if (session.executionProviders?.some((name) => name !== "cpu")) return await openSlicedNetwork(model, base);
  try {
    const optimized = await optimizedModel(model, session, cacheFolder);
    return await openSlicedNetwork(model, { ...base, optimized });
  } catch (error) {
    if (!isSpinnError(error)) throw error;
    onFallback?.(`The optimised graph cannot be used: ${messageOf(error)}`);
    return await openSlicedNetwork(model, base);
  }
}

/** @throws {SpinnError} when the runtime cannot make it or its slices compute something else */
async function optimizedModel(
  model: ModelProto,
  session: SessionOptions,
  cacheFolder: string | undefined,
): Promise<ModelProto> {
  const wanted = withBoundaryOutputs(model, describeNetwork(model));
  const path = cacheFolder === undefined ? undefined : join(cacheFolder, `${await nameOf(model, wanted)}.optimized`);
  const kept = path === undefined ? undefined : await readKept(path);
  if (kept) return kept;
  const bytes = await optimizeModel(wanted);
  const optimized = decodeModel(bytes);
  await checkSlices(model, { createSession, session, optimized });
  if (cacheFolder !== undefined && path !== undefined) await keep(cacheFolder, path, bytes);
  return optimized;
}

async function nameOf(model: ModelProto, wanted: ModelProto): Promise<string> {
  const hash = createHash("sha256").update(await optimizerFingerprint());
  hash.update(describeNetwork(model).modelHash);
  for (const { name } of graphOf(wanted).output) hash.update(`\n${name}`);
  return hash.digest("hex").slice(0, 32);
}

/** A kept file is the SHA-256 of the rest, and the rest: one that was damaged is as good as none. */
async function readKept(path: string): Promise<ModelProto | undefined> {
  try {
    const file = await readFile(path);
    const bytes = file.subarray(HASH_BYTES);
    return hashOf(bytes).equals(file.subarray(0, HASH_BYTES)) ? decodeModel(bytes) : undefined;
  } catch {
    return undefined;
  }
}

/** Somebody who cannot write there makes it anew the next time. */
async function keep(folder: string, path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(folder, { recursive: true })
    .then(() => writeAtomically([{ path, parts: [hashOf(bytes), bytes] }]))
    .catch(() => undefined);
}

const HASH_BYTES = 32;

function hashOf(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
