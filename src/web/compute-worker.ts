// The page's computing thread: opens the runtime and the network in a web worker, and does what the page asks for.

import { hostCompute } from "../engine/compute-host.ts";
import type { ComputeRequest } from "../engine/compute-protocol.ts";
import { inputPreparer, type PrepareInput } from "../engine/device-input.ts";
import { openSlicedNetwork } from "../engine/open-sliced-network.ts";
import { decodeModel } from "../onnx/codec.ts";
import { packError } from "../portable-error.ts";
import { type OrtWeb, openOrtWeb } from "../runtime/ort-web.ts";
import { decodeImage, pixelsOf } from "./decode-image.ts";
import type { ImageSource } from "./image-source.ts";
import type { FromWorker, ToWorker, WorkerSetup } from "./worker-protocol.ts";

let compute: ((request: ComputeRequest) => void) | undefined;
let prepare: PrepareInput | undefined;

const post = (message: FromWorker, transfer: Transferable[] = []): void =>
  globalThis.postMessage(message, { transfer });

globalThis.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === "setup") void open(data);
  else if (data.kind === "image") void prepareImage(data.id, data.source);
  else compute?.(data);
};

async function open({ model, runtime }: WorkerSetup): Promise<void> {
  try {
    let ort: OrtWeb | undefined;
    const tell = (): void => ort && post({ kind: "runtime", provider: ort.provider, threads: ort.threads });
    const onFallback = (reason: string): void => {
      post({ kind: "fallback", reason });
      tell();
    };
    ort = await openOrtWeb({ ...runtime, onFallback });
    tell();
    const network = await openSlicedNetwork(decodeModel(model), { createSession: ort.createSession });
    prepare = inputPreparer(network.info, decodeImage);
    compute = hostCompute(network, {
      post,
      now: () => performance.now(),
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      breathe: nextTask,
      decodeImage,
    });
  } catch (error) {
    post({ kind: "unusable", error: packError(error) });
  }
}

async function prepareImage(id: number, source: ImageSource): Promise<void> {
  try {
    const values = (await prepare!(await readable(source))) as Float32Array<ArrayBuffer>;
    post({ kind: "image", id, values }, [values.buffer]);
  } catch (error) {
    post({ kind: "no-image", id, error: packError(error) });
  }
}

async function readable(source: ImageSource): Promise<Parameters<PrepareInput>[0]> {
  if (source instanceof Blob) return await decodeImage(source);
  if (!(source instanceof ImageBitmap)) return source;
  try {
    return pixelsOf(source);
  } finally {
    source.close();
  }
}

/** Behind the messages that have come; a timer would wait for 4 ms. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    channel.port1.onmessage = () => resolve();
    channel.port2.postMessage(undefined);
  });
}

const channel: MessageChannel = new MessageChannel();
