// The shipped network on real images: a page (WebAssembly) with its server behind any cut gives the answers of Node alone.

import { readFile } from "node:fs/promises";
import { beforeAll, expect, type TestContext, test } from "vitest";
import { openCompute } from "../../src/compute/index.ts";
import { cacheRoot, openDataset } from "../../src/data/index.ts";
import type { Answered, Compute, NetworkInfo, Paused, Task } from "../../src/engine/index.ts";
import { preprocess } from "../../src/image/preprocess.ts";
import { type Server, serve } from "../../src/server/index.ts";
import { describeInChromium, type Visit } from "./in-chromium.ts";
import { ask, type LabAnswer } from "./lab.ts";

const MODEL = "models/cifar10-vgg16.spinn.onnx";
const IMAGES = 500;
const THRESHOLD = 0.9;

type Expected = Omit<LabAnswer, "source">;
type Wanted = Pick<Task, "cut" | "thresholds" | "wantsLogits">;

let images: Promise<Uint8Array> | undefined;

/** The first test images of CIFAR-10, [IMAGES, 32, 32, 3]. @throws when they are not to be had */
async function cifarImages(): Promise<Uint8Array> {
  const dataset = await openDataset("cifar10", { split: "test" });
  const bytes = new Uint8Array(IMAGES * 32 * 32 * 3);
  for (let i = 0; i < IMAGES; i++) bytes.set((await dataset.pixels(i)).data, i * 32 * 32 * 3);
  return bytes;
}

async function needImages({ skip }: TestContext): Promise<Uint8Array> {
  return await images!.catch((error: Error) =>
    skip(`CIFAR-10 is neither in ${cacheRoot()} nor to be had: ${error.message}`),
  );
}

/** What Node says, without anything between; a cut and 8 bits: with the same packets between. */
async function answersOfNode(compute: Compute, bytes: Uint8Array, cut = "none"): Promise<Expected[]> {
  const { network } = compute;
  const thresholds = network.exits.map(() => THRESHOLD);
  const size = bytes.length / IMAGES;
  const answers = Array.from({ length: IMAGES }, async (_, i): Promise<Expected> => {
    const pixels = { width: 32, height: 32, data: bytes.subarray(i * size, (i + 1) * size) };
    const values = preprocess(pixels, network.preprocessing!);
    const wanted = { thresholds, wantsLogits: true } as const;
    const first = await compute.start({ ...wanted, start: { kind: "input", values }, cut, coding: { codec: "lz4" } });
    const outcome = first.kind === "answered" ? first : await goOn(compute, first, { ...wanted, cut });
    const { exit, label } = outcome.answer;
    return { exit, label: network.labels![label]!, logits: Array.from(outcome.logits ?? []) };
  });
  return await Promise.all(answers);
}

/** As a server does: from the packet. */
async function goOn(compute: Compute, { packet, best, drop }: Paused, { cut, ...rest }: Wanted): Promise<Answered> {
  drop();
  const start = { kind: "packet", cut, bytes: packet } as const;
  const outcome = await compute.start({ ...rest, start, cut: "none", ...(best && { best }) });
  if (outcome.kind !== "answered") throw new Error("It paused");
  return outcome;
}

/** From end to end; `ALL_CUTS=1`: all that there are. */
function cutsToTry({ cuts, exits }: NetworkInfo): string[] {
  const all = cuts.map(({ id }) => id);
  const [first, , third, , , sixth] = exits.map(({ at }) => at);
  return process.env.ALL_CUTS ? all : ["input", all[1]!, first!, third!, sixth!, "none"];
}

const choices = (answers: readonly Expected[]): string[] => answers.map(({ exit, label }) => `${exit}: ${label}`);

const files = { "model.onnx": await readFile(MODEL), images: async () => await images! };

describeInChromium("test/e2e/pages/lab.ts", files, (visit) => {
  let server: Server;
  let compute: Compute;
  let visited: Visit;

  beforeAll(async () => {
    images = cifarImages();
    images.catch(() => undefined); // the tests skip
    [server, compute, visited] = await Promise.all([
      serve({ models: [MODEL], port: 0, workers: 1, allowedOrigins: ["*"] }),
      openCompute({ model: MODEL, maxQueued: IMAGES, maxPaused: IMAGES }),
      visit("isolated"),
    ]);
    await ask(visited.page, "connect", { server: server.url, model: "model.onnx", prefer: "wasm", threads: 1 });
    return async () => {
      await visited.page.close();
      await Promise.all([server.close(0), compute.close()]);
    };
  });

  const timeout = process.env.ALL_CUTS ? 3_600_000 : 300_000;
  test("page and Node agree on 500 images at every cut: exit, label and logits", { timeout }, async (context) => {
    const expected = await answersOfNode(compute, await needImages(context));
    expect(new Set(expected.map(({ exit }) => exit)).size).toBe(compute.network.exits.length);
    const sources = new Set<string>();
    let largest = 0;
    for (const cut of cutsToTry(compute.network)) {
      const found = await ask(visited.page, "inferFile", { cut, threshold: THRESHOLD }, "images");
      expect(choices(found), cut).toEqual(choices(expected));
      for (const [i, { logits, source }] of found.entries()) {
        sources.add(source);
        for (const [j, value] of logits.entries())
          largest = Math.max(largest, Math.abs(value - expected[i]!.logits[j]!));
      }
    }
    expect(largest).toBeGreaterThan(0);
    expect(largest).toBeLessThan(1e-3);
    expect([...sources].sort()).toEqual(["device", "server"]);
    expect(visited.complaints).toEqual([]);
  });

  test("in 8 bits, too, they choose the same", { timeout: 300_000 }, async (context) => {
    const cut = compute.network.exits[1]!.at;
    const expected = choices(await answersOfNode(compute, await needImages(context), cut));
    const plan = { cut, threshold: THRESHOLD, codec: "lz4" } as const;
    const found = choices(await ask(visited.page, "inferFile", plan, "images"));
    // a value between two steps may go to the other one here; once in a while that decides
    expect(found.filter((choice, i) => choice !== expected[i]).length).toBeLessThanOrEqual(1);
  });
});
