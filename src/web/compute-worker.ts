// The page's computing thread: opens the runtime and the network in a web worker, and does what the page asks for.

import { hostCompute } from "../engine/compute-host.ts";
import { openSlicedNetwork } from "../engine/open-sliced-network.ts";
import { decodeModel } from "../onnx/codec.ts";
import { packError } from "../portable-error.ts";
import { type OrtWeb, openOrtWeb } from "../runtime/ort-web.ts";
import { decodeImage } from "./decode-image.ts";
import type { FromWorker, ToWorker, WorkerSetup } from "./worker-protocol.ts";

const post = (message: FromWorker, transfer: Transferable[] = []): void =>
  globalThis.postMessage(message, { transfer });

let host: ReturnType<typeof hostCompute> | undefined;

globalThis.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === "setup") void open(data);
  else host?.(data);
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
    host = hostCompute(network, {
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

/** Behind the messages that have come; a timer would wait for 4 ms. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    channel.port1.onmessage = () => resolve();
    channel.port2.postMessage(undefined);
  });
}

const channel: MessageChannel = new MessageChannel();
