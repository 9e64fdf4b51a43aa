// The page's computing thread: opens the runtime and the network in a web worker, and does what the page asks for.

import { hostCompute } from "../engine/compute-host.ts";
import type { ComputeRequest } from "../engine/compute-protocol.ts";
import { inputPreparer, type PrepareInput } from "../engine/device-input.ts";
import { openSlices } from "../engine/lazy-slices.ts";
import type { SlicedNetwork } from "../engine/sliced-network.ts";
import { type Step, stepsBetween } from "../engine/steps.ts";
import { packError } from "../portable-error.ts";
import { type OrtWeb, openOrtWeb } from "../runtime/ort-web.ts";
import type { CreateSession } from "../runtime/runtime.ts";
import { decodeImage, pixelsOf } from "./decode-image.ts";
import { fetchedSliceGraph, fetchNetwork } from "./fetched-network.ts";
import type { ImageSource } from "./image-source.ts";
import type { FromWorker, ToWorker, WebModel, WorkerSetup } from "./worker-protocol.ts";

/** Of the sessions that are kept. A page may not have more. */
const MAX_WEIGHT_BYTES = 256 * 2 ** 20;
/** A slice that could not be had is asked for again after so long. */
const RETRY_MS = 3000;

let compute: ((request: ComputeRequest) => void) | undefined;
let prepare: PrepareInput | undefined;

const post = (message: FromWorker, transfer: Transferable[] = []): void =>
  globalThis.postMessage(message, { transfer });

globalThis.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === "setup") void open(data);
  else if (data.kind === "image") void prepareImage(data.id, data.source);
  else compute?.(data);
};

async function open({ model, token, runtime }: WorkerSetup): Promise<void> {
  const createSession = lazyRuntime(runtime);
  try {
    const network = await openNetwork(model, token, createSession);
    prepare = inputPreparer(network.info, decodeImage);
    compute = hostCompute(network, {
      post,
      now: () => performance.now(),
      sleep: pause,
      breathe: nextTask,
      decodeImage,
    });
    if (typeof model === "string") void fetchAhead(network);
  } catch (error) {
    post({ kind: "unusable", error: packError(error) });
  }
}

async function openNetwork(
  model: WebModel,
  token: string | undefined,
  createSession: CreateSession,
): Promise<SlicedNetwork> {
  if (typeof model !== "string") {
    const { openModelFile } = await import("./open-model-file.ts");
    return await openModelFile(model, createSession);
  }
  const info = await fetchNetwork(model, token);
  const graphs = { plain: fetchedSliceGraph(info, model, token) };
  return openSlices(info, graphs, { createSession, maxWeightBytes: MAX_WEIGHT_BYTES });
}

/** The runtime is several megabytes: a page that sends its first images to the server does not wait for it. */
function lazyRuntime(options: WorkerSetup["runtime"]): CreateSession {
  let opening: Promise<OrtWeb> | undefined;
  const openRuntime = async (): Promise<OrtWeb> => {
    let ort: OrtWeb | undefined;
    const tell = (): void => ort && post({ kind: "runtime", provider: ort.provider, threads: ort.threads });
    const onFallback = (reason: string): void => {
      post({ kind: "fallback", reason });
      tell();
    };
    ort = await openOrtWeb({ ...options, onFallback });
    tell();
    return ort;
  };
  return async (model, session) => {
    opening ??= openRuntime();
    // A failure is told to whoever waits; the next one tries again.
    opening.catch(() => {
      opening = undefined;
    });
    return await (await opening).createSession(model, session);
  };
}

/** Slice by slice from the start of the network, beside whatever else is asked for, and as often as it takes. */
async function fetchAhead(network: SlicedNetwork): Promise<void> {
  const { info } = network;
  const all = info.exits.map(() => 0);
  for (const step of stepsBetween(info, "input", "none", all)) {
    while (!(await isPrepared(network, step))) await pause(RETRY_MS);
    post({ kind: "arrived", cut: step.to });
  }
}

async function isPrepared(network: SlicedNetwork, step: Step): Promise<boolean> {
  return await network.prepare([step]).then(
    () => true,
    () => false, // whoever needs it meanwhile hears why
  );
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
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
