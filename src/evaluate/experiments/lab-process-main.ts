// The code of a lab process: a server or a device, as it is asked. Started by `startLabProcess`.

import { type Client, createClient } from "../../client/client.ts";
import type { PlanChange } from "../../client/self-planning.ts";
import { openCompute } from "../../compute/index.ts";
import { type Dataset, decodeImage, outputIndices } from "../../data/index.ts";
import { type ComputePool, createCloudEngine } from "../../engine/index.ts";
import { messageOf } from "../../errors.ts";
import { preprocess } from "../../image/index.ts";
import { readModelFile } from "../../onnx/index.ts";
import { measureSide, type SideSamples, type SideStore, sideProfileOf } from "../../profiler/index.ts";
import { readMetadata } from "../../progressive/index.ts";
import type { SideProfile } from "../../scheduler/index.ts";
import { listenWebSocket, websocketDial } from "../../transport/index.ts";
import { labImages } from "./lab-images.ts";
import type { LabAnswer, LabPlanChange, LabReply, LabRequest } from "./lab-protocol.ts";

/** A slow device takes its time to measure itself. */
const PROFILE_BUDGET_MS = 40_000;

type Answered = Omit<LabReply & { kind: "done" }, "kind">;
type RunRequest = LabRequest & { readonly do: "run" };
type ProfileRequest = LabRequest & { readonly do: "profile" };
type ConnectRequest = LabRequest & { readonly do: "connect" };

let pool: ComputePool | undefined;
let device: LabDevice | undefined;
/** A device that agrees to something else still knows itself. */
let remembered: SideSamples | undefined;
const sideStore: SideStore = {
  read: async () => remembered,
  async write(_network, samples) {
    remembered = samples;
  },
};

async function answer(request: LabRequest): Promise<Answered> {
  switch (request.do) {
    case "serve":
      return { port: await serve(request.model, request.slowdown) };
    case "connect":
      device = await connect(request);
      return {};
    case "agree":
      await connected().client.setPlan({}, { require: request.require, prefer: request.prefer });
      return {};
    case "begin":
      connected().begin();
      return {};
    case "end":
      return await connected().end();
    case "profile":
      return { side: await profile(request) };
    case "slow":
      pool?.setSlowdown(request.slowdown);
      return {};
    case "run":
      return await connected().run(request);
  }
}

async function serve(model: string, slowdown: number): Promise<number> {
  pool = await openCompute({ model, slowdown });
  await pool.prepare(
    "input",
    "none",
    pool.network.exits.map(() => 1),
  );
  const engine = createCloudEngine({ networks: [pool] });
  return (await listenWebSocket({ port: 0, ...engine })).port;
}

async function profile({ places, role, rounds, budgetMs, images }: ProfileRequest): Promise<SideProfile> {
  const preprocessing = pool?.network.preprocessing;
  if (!pool || !preprocessing) throw new TypeError("There is no network open that says what an image becomes");
  const dataset = await labImages(undefined, images);
  const example = preprocess(await dataset.pixels(0), preprocessing);
  const nothing = { images: 0, confidences: new Float32Array(), correct: new Uint8Array() };
  const cuts = places.map(({ codecs, ...place }) => ({
    ...place,
    codecs: codecs.map((codec) => ({ codec, bytes: [], record: nothing })),
  }));
  return sideProfileOf(pool.network, cuts, await measureSide(pool, cuts, { rounds, budgetMs, example }), role);
}

function connected(): LabDevice {
  if (device) return device;
  throw new TypeError("The device is not connected");
}

async function connect({ model, slowdown, server, images }: ConnectRequest): Promise<LabDevice> {
  const metadata = readMetadata(await readModelFile(model));
  const dataset = await labImages(metadata, images);
  pool = await openCompute({ model, slowdown });
  const client = await createClient({
    compute: pool,
    dial: websocketDial(server),
    decodeImage: (bytes) => decodeImage(bytes, "The image"),
    plan: { cut: "none", threshold: 1 },
    profileBudgetMs: PROFILE_BUDGET_MS,
    sideStore,
  });
  return new LabDevice(client, dataset);
}

/** Images one after the other until it is over. */
interface Live {
  stop: boolean;
  readonly changes: LabPlanChange[];
  done: Promise<readonly LabAnswer[]>;
}

class LabDevice {
  readonly client: Client;
  readonly #dataset: Dataset;
  readonly #classes: ArrayLike<number>;
  #live: Live | undefined;

  constructor(client: Client, dataset: Dataset) {
    this.client = client;
    this.#dataset = dataset;
    this.#classes = outputIndices(dataset, client.network.classes);
    client.on("plan", ({ plan, why }) => {
      this.#live?.changes.push({ atMs: Date.now(), plan, why: reason(why) });
    });
  }

  async run({ plan, images }: RunRequest): Promise<Answered> {
    await this.client.setPlan({ cut: plan.cut, threshold: plan.thresholds, codec: plan.codec, bits: plan.bits });
    const answers: LabAnswer[] = [];
    for (const image of images) answers.push(await this.#infer(image));
    const { uplinkBps, rttMs } = this.client.link;
    return { answers, link: { ...(uplinkBps !== undefined && { uplinkBps }), ...(rttMs !== undefined && { rttMs }) } };
  }

  begin(): void {
    const live: Live = { stop: false, changes: [], done: Promise.resolve([]) };
    this.#live = live;
    live.done = this.#follow(live);
  }

  async end(): Promise<Answered> {
    const live = this.#live;
    if (!live) throw new TypeError("Nothing was begun");
    live.stop = true;
    const answers = await live.done;
    this.#live = undefined;
    return { answers, planChanges: live.changes };
  }

  async #follow(live: Live): Promise<readonly LabAnswer[]> {
    const answers: LabAnswer[] = [];
    while (!live.stop) answers.push(await this.#infer(answers.length % this.#dataset.length));
    return answers;
  }

  async #infer(image: number): Promise<LabAnswer> {
    const pixels = await this.#dataset.pixels(image);
    const [atMs, started] = [Date.now(), performance.now()];
    const result = await this.client.infer(pixels);
    const { classIndex, exit, source, timings, bytesUp, fallbackReason, plan } = result;
    return {
      ...{ image, atMs, cut: plan.cut, exit, source, bytesUp, latencyMs: performance.now() - started },
      correct: isRight(this.#dataset, this.#classes, image, classIndex),
      ...{ deviceMs: timings.deviceMs + timings.packMs, serverMs: timings.serverMs, networkMs: timings.networkMs },
      ...(fallbackReason !== undefined && { fallbackReason }),
    };
  }
}

function reason(why: PlanChange["why"]): string {
  if (why.kind === "broken") return `${why.constraint} is broken`;
  return why.kind === "better" ? `better ${why.metric}` : why.kind;
}

function isRight({ labels }: Dataset, classes: ArrayLike<number>, image: number, answered: number): boolean {
  return answered === classes[labels[image]!];
}

process.on("message", (request) => {
  const reply = (message: LabReply): void => void process.send?.(message);
  answer(request as LabRequest).then(
    (done) => reply({ kind: "done", ...done }),
    (error: unknown) => reply({ kind: "failed", message: messageOf(error) }),
  );
});
// whoever experiments has gone
process.once("disconnect", () => process.exit());
