// The client in a page: compute in a web worker, a server over the platform's WebSocket, images of every kind that pages have.

import { type Client, type ClientOptions, createClient } from "../client/client.ts";
import type { InferOptions } from "../engine/device-inference.ts";
import type { InferenceResult } from "../engine/device-result.ts";
import { float32, type Tensor } from "../tensor.ts";
import { type Token, tokenText } from "../transport/bearer.ts";
import { browserDial } from "../transport/browser-websocket.ts";
import type { Dial } from "../transport/transport.ts";
import { openWebCompute, type WebCompute, type WebComputeOptions } from "./compute.ts";
import { decodeImage } from "./decode-image.ts";
import { type DownloadOptions, download } from "./download.ts";
import { imageSourceOf, type WebImage } from "./image-source.ts";
import { pageWakeUps } from "./wake-ups.ts";
import type { WebModel } from "./worker-protocol.ts";

export interface ConnectOptions
  extends Omit<WebComputeOptions, "model" | "token">,
    Omit<
      ClientOptions,
      "arrival" | "compute" | "decodeImage" | "defaultDeadlineMs" | "dial" | "clock" | "rng" | "wakeUps"
    > {
  /**
   * The bytes of a model file, or its URL, relative to the page. A URL that ends in a slash is a folder where a server serves the
   * network in slices: the server does everything until they have come, and images need not wait for that.
   */
  readonly model: string | URL | Uint8Array;
  /** `ws://host:port`, `wss://…` in a page that came by https; or another way to reach it. Absent: the device does everything. */
  readonly server?: string | Dial;
  /**
   * Proves who this is to a server that asks, while connecting and while downloading from the page's own origin or the server's; a
   * function is asked for each connection, and once for what is downloaded. @default none
   */
  readonly token?: Token;
  /** Answer within so many milliseconds, as well as is possible by then. @default none */
  readonly deadlineMs?: number;
}

export interface WebClient extends Omit<Client, "infer"> {
  /**
   * Many at once are fine. What is shown or held by an element is read at once.
   *
   * @throws {SpinnError} as {@link Client.infer}; InvalidData for what cannot be decoded
   * @throws {TypeError} for what is no image
   */
  infer(image: WebImage | Tensor, options?: InferOptions): Promise<InferenceResult>;
  /** As the option `slowdown`, from the next piece of work on. @throws {RangeError} unless finite and at least 1 */
  setSlowdown(factor: number): void;
}

/**
 * Opens the network, and connects to the server if there is one. Without one the client answers from the device, and keeps trying.
 *
 * @throws {SpinnError} FileAccess, InvalidModel, UnsupportedModel or Runtime when the network cannot be opened; Aborted
 * @throws {RangeError} for a plan that does not fit it, for a URL that is none
 * @example
 * const client = await connect({ model: "/models/resnet56.spinn.onnx", server: "wss://example.org" });
 * const { label, source, timings } = await client.infer(document.querySelector("img"));
 */
export async function connect(options: ConnectOptions): Promise<WebClient> {
  const { model, server, token, deadlineMs, ...rest } = options;
  const shown = token === undefined ? {} : { token };
  const dial = typeof server === "string" ? browserDial(server, shown) : server;
  const url = model instanceof Uint8Array ? undefined : new URL(model, globalThis.location.href);
  // a token is for its server alone, wherever the network may come from
  const isForServer = url && (url.origin === globalThis.location.origin || isHostOf(server, url));
  const text = token !== undefined && isForServer ? { token: await tokenText(token) } : {};
  const source = model instanceof Uint8Array ? model : await sourceAt(url!, { ...text, signal: options.signal });
  let arrived: () => void = () => undefined;
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const onArrived = (cut: string): void => {
    options.onArrived?.(cut);
    if (cut === "none") arrived();
  };
  const web = await openWebCompute({ ...rest, ...text, model: source, onArrived });
  try {
    const client = await createClient({
      ...rest,
      compute: web.compute,
      decodeImage,
      wakeUps: pageWakeUps,
      ...(typeof source === "string" && { arrival }),
      ...(dial && { dial }),
      ...(deadlineMs !== undefined && { defaultDeadlineMs: deadlineMs }),
    });
    return withImages(client, web, deadlineMs);
  } catch (error) {
    await web.compute.close();
    throw error;
  }
}

function isTensor(image: WebImage | Tensor): image is Tensor {
  return typeof image === "object" && image !== null && "dims" in image;
}

async function sourceAt(url: URL, options: DownloadOptions): Promise<WebModel> {
  return url.pathname.endsWith("/") ? url.href : await download(url, options);
}

/** Does the server that is dialled serve this URL? */
function isHostOf(server: ConnectOptions["server"], url: URL): boolean {
  if (typeof server !== "string") return false;
  const { host, protocol } = new URL(server);
  return url.host === host && url.protocol === protocol.replace("ws", "http");
}

function withImages(
  client: Client,
  { compute, prepareImage }: WebCompute,
  defaultDeadlineMs: number | undefined,
): WebClient {
  const infer = async (image: WebImage | Tensor, options: InferOptions = {}): Promise<InferenceResult> => {
    if (isTensor(image)) return await client.infer(image, options);
    const startedMs = performance.now();
    const { codec } = options.plan ?? client.plan;
    const isEncoded = image instanceof Blob || image instanceof Uint8Array;
    if (codec === "image" && isEncoded)
      return await client.infer(image instanceof Blob ? new Uint8Array(await image.arrayBuffer()) : image, options);
    const values = await prepareImage(await imageSourceOf(image));
    const prepareMs = performance.now() - startedMs;
    const { deadlineMs = defaultDeadlineMs } = options;
    // a deadline that has passed meanwhile still gets what there is at once
    const left = deadlineMs === undefined ? {} : { deadlineMs: Math.max(1, deadlineMs - prepareMs) };
    const result = await client.infer(float32(values, client.network.input.shape), { ...options, ...left });
    const { timings } = result;
    return { ...result, timings: { ...timings, prepareMs, totalMs: timings.totalMs + prepareMs } };
  };
  return {
    network: client.network,
    get plan() {
      return client.plan;
    },
    get expected() {
      return client.expected;
    },
    get link() {
      return client.link;
    },
    infer,
    setSlowdown: (factor) => compute.setSlowdown(factor),
    setPlan: (request, sla) => client.setPlan(request, sla),
    stats: () => client.stats(),
    on: (name, listener) => client.on(name, listener),
    close: () => client.close(),
  };
}
