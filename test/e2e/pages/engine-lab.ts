// The client in a page: the toy network in a web worker, a server behind the platform's WebSocket.

import { wsconnect } from "@nats-io/nats-core";
import { natsDial } from "../../../src/transport/nats.ts";
import { connect, type Dial, makePlan, type Pixels, type WebClient, type WebImage } from "../../../src/web/index.ts";
import { pageWakeUps } from "../../../src/web/wake-ups.ts";
import { colourImage } from "../../toy.ts";
import type { Connecting, ImageKind, Lab, LabAnswer, LabPlan, ToyImage } from "../lab.ts";
import { Stream } from "./stream.ts";

const SIDE = 8;
const FILE_SIDE = 32;
const FILE_IMAGE_BYTES = FILE_SIDE * FILE_SIDE * 3;
const AT_ONCE = 32;
let client: WebClient;
let stream: Stream;
const arrived: string[] = [];

type EngineLab =
  | "connect"
  | "firstAnswer"
  | "infer"
  | "inferFile"
  | "inferAs"
  | "arrived"
  | "problem"
  | "disconnect"
  | "damageKept"
  | "forget"
  | "keepInferring"
  | "lookBack"
  | "stopInferring"
  | "wakeUps";

export const engineLab: Pick<Lab, EngineLab> = {
  async connect({ server, nats, token, model = "toy.onnx", cut = "none", slowdown = 1, ...options }) {
    const fallbacks: string[] = [];
    let runtime = { provider: "", threads: 0 };
    client = await connect({
      model,
      runtime: { ...options, assets: "ort/", onFallback: (reason) => fallbacks.push(reason) },
      onRuntime: (found) => {
        runtime = found;
      },
      plan: { cut },
      slowdown,
      onArrived: (cut) => arrived.push(cut),
      connectTimeoutMs: 20_000,
      ...(server !== undefined && { server }),
      ...(nats && { server: await dialNats(nats) }),
      ...(token !== undefined && { token }),
    });
    return { ...runtime, fallbacks, cuts: client.network.cuts.map(({ id }) => id) };
  },

  async firstAnswer(options) {
    const started = performance.now();
    await engineLab.connect(options);
    const [, , height, width] = client.network.input.shape as [number, number, number, number];
    const { source } = await client.infer({ width, height, data: new Uint8Array(width * height * 3) });
    return { ms: performance.now() - started, source, arrived: [...arrived] };
  },

  infer: async (request, images) => await Promise.all(images.map((image) => answer(pixels(image), request))),

  async inferFile(request, file) {
    const images = await imagesOf(file);
    const answers: LabAnswer[] = [];
    // no more at once than may wait for the server
    for (let i = 0; i < images.length; i += AT_ONCE)
      answers.push(...(await Promise.all(images.slice(i, i + AT_ONCE).map((image) => answer(image, request)))));
    return answers;
  },

  async inferAs(kind, image) {
    try {
      const plan = makePlan(client.network, { cut: "none", threshold: 1 });
      const { logits, timings } = await client.infer(await imageAs[kind](image), { plan, wantsLogits: true });
      return timings.prepareMs > 0 && timings.prepareMs <= timings.totalMs ? Array.from(logits!) : "times are wrong";
    } catch (error) {
      return String(error);
    }
  },

  arrived: async () => ({ cuts: arrived, plan: client.plan.cut }),

  async problem() {
    const { problem, refusal } = client.link;
    return problem && `${refusal}: ${problem}`;
  },

  async damageKept() {
    const cache = await caches.open("spinn");
    const slice = (await cache.keys()).find(({ url }) => url.includes("slice"))!;
    const { headers } = (await cache.match(slice))!;
    await cache.put(slice, new Response("damaged", { headers }));
  },

  async forget() {
    await caches.delete("spinn");
  },

  disconnect: () => client.close(),

  async keepInferring(file, deadlineMs) {
    const images = await imagesOf(file);
    stream = new Stream(client, images, deadlineMs);
  },

  lookBack: async () => stream,

  stopInferring: async () => await stream.stop(),

  async wakeUps() {
    const heard: string[] = [];
    let sent = "";
    const end = pageWakeUps(() => heard.push(sent));
    const send = (): void => {
      for (sent of ["online", "offline", "visibilitychange", "pageshow", "blur"])
        (sent === "visibilitychange" ? document : globalThis).dispatchEvent(new Event(sent));
    };
    send();
    end();
    send();
    return heard;
  },
};

/** As docs/cluster.md shows it. */
async function dialNats({ url, password }: NonNullable<Connecting["nats"]>): Promise<Dial> {
  const nats = await wsconnect({ servers: url, user: "page", pass: password, maxReconnectAttempts: -1 });
  return natsDial(nats, "spinn.devices", { inboxPrefix: "_INBOX_page" });
}

async function imagesOf(file: string): Promise<Pixels[]> {
  const bytes = new Uint8Array(await (await fetch(file)).arrayBuffer());
  return Array.from({ length: bytes.length / FILE_IMAGE_BYTES }, (_, i) => ({
    width: FILE_SIDE,
    height: FILE_SIDE,
    data: bytes.subarray(i * FILE_IMAGE_BYTES, (i + 1) * FILE_IMAGE_BYTES),
  }));
}

async function answer(image: WebImage, request?: LabPlan): Promise<LabAnswer> {
  const plan = request && makePlan(client.network, { codec: "float32", ...request });
  const result = await client.infer(image, { ...(plan && { plan }), wantsLogits: true });
  const { exit, label, source, logits = [] } = result;
  return { exit, label, source, logits: Array.from(logits) };
}

function pixels({ label, seed }: ToyImage): { width: number; height: number; data: Uint8Array } {
  return { width: SIDE, height: SIDE, data: colourImage(label, SIDE, seed) };
}

/** The same image, as a page may come by it. */
const imageAs: Readonly<Record<ImageKind, (image: ToyImage) => Promise<WebImage>>> = {
  pixels: async (image) => pixels(image),
  imageData: async (image) => imageData(image),
  canvas: async (image) => canvas(image),
  bitmap: async (image) => await createImageBitmap(imageData(image)),
  blob: async (image) => await blob(image),
  bytes: async (image) => new Uint8Array(await (await blob(image)).arrayBuffer()),
  element: async (image) => {
    const element = document.createElement("img");
    element.src = URL.createObjectURL(await blob(image));
    return element;
  },
  video: async (image) => await video(image),
  emptyElement: async () => document.createElement("img"),
  emptyVideo: async () => document.createElement("video"),
  text: async () => new Blob(["no image"]),
};

function imageData(image: ToyImage): ImageData {
  const { data } = pixels(image);
  const rgba = new ImageData(SIDE, SIDE);
  for (let i = 0; i < SIDE * SIDE; i++) rgba.data.set([...data.subarray(3 * i, 3 * i + 3), 255], 4 * i);
  return rgba;
}

function canvas(image: ToyImage): OffscreenCanvas {
  const drawn = new OffscreenCanvas(SIDE, SIDE);
  drawn.getContext("2d")!.putImageData(imageData(image), 0, 0);
  return drawn;
}

/** As a camera gives it: a stream, here of a canvas. */
async function video(image: ToyImage): Promise<HTMLVideoElement> {
  const shown = document.createElement("canvas");
  shown.width = shown.height = SIDE;
  const context = shown.getContext("2d")!;
  const element = document.createElement("video");
  element.muted = true;
  element.srcObject = shown.captureStream();
  context.putImageData(imageData(image), 0, 0);
  await element.play();
  return element;
}

/** A PNG, which loses nothing. */
function blob(image: ToyImage): Promise<Blob> {
  return canvas(image).convertToBlob();
}
