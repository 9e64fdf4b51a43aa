// The thread of a compute pool: opens the network and hosts it. Runs compiled (src/worker-url.ts).

import { parentPort, workerData } from "node:worker_threads";
import { hostBatches } from "../batching/batch-host.ts";
import { type HostPlatform, hostCompute } from "../engine/compute-host.ts";
import type { ComputeReply, ComputeRequest } from "../engine/compute-protocol.ts";
import type { SlicedNetwork } from "../engine/sliced-network.ts";
import { isSpinnError } from "../errors.ts";
import type { Pixels } from "../image/pixels.ts";
import { decodeModel } from "../onnx/codec.ts";
import { inFile, readModelFile } from "../onnx/file.ts";
import { validateModel } from "../onnx/validate.ts";
import { packError } from "../portable-error.ts";
import type { ComputeSetup } from "./compute-setup.ts";
import { openNodeNetwork } from "./open-node-network.ts";
import { outbox } from "./outbox.ts";

const port = parentPort!;
const setup = workerData as ComputeSetup;
const post = outbox<ComputeReply>(
  (replies, transfer) => port.postMessage(replies, transfer),
  (_, error) => {
    throw error; // plain data of our own can always be posted
  },
);
const never = new Int32Array(new SharedArrayBuffer(4));

async function open({ model, session, cacheFolder }: ComputeSetup): Promise<SlicedNetwork> {
  const proto = typeof model === "string" ? await readModelFile(model) : validateModel(decodeModel(model));
  try {
    return await openNodeNetwork(proto, { session, cacheFolder });
  } catch (error) {
    // of several networks, the one that is meant
    const isItsOwn = isSpinnError(error, "InvalidModel") || isSpinnError(error, "UnsupportedModel");
    throw isItsOwn && typeof model === "string" ? inFile(model, error) : error;
  }
}

/** sharp is loaded with the first image: most workers see none. */
async function decode(bytes: Uint8Array): Promise<Pixels> {
  const { decodeImage } = await import("../data/decode-image.ts");
  return await decodeImage(bytes, "The image", { maxPixels: setup.maxImagePixels });
}

const platform: HostPlatform = {
  post,
  now: () => performance.now(),
  sleep: (ms) => {
    // a timer would round to whole milliseconds
    Atomics.wait(never, 0, 0, ms);
  },
  breathe: () => new Promise((resolve) => setImmediate(resolve)),
  decodeImage: decode,
};

try {
  const network = await open(setup);
  const take = setup.batching ? await hostBatches(network, platform) : hostCompute(network, platform);
  port.on("message", (requests: readonly ComputeRequest[]) => {
    for (const request of requests) take(request);
  });
} catch (error) {
  post({ kind: "unusable", error: packError(error) }, []);
}
