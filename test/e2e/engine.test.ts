// The device in a page, the server in Node, a network between them: whoever computes and wherever it is cut, the answers are
// those of the whole network.

import { expect, onTestFinished, test, vi } from "vitest";
import { createCloudEngine } from "../../src/engine/cloud-engine.ts";
import type { Compute } from "../../src/engine/compute.ts";
import { hostCompute } from "../../src/engine/compute-host.ts";
import { openPool } from "../../src/engine/compute-pool.ts";
import { openSlicedNetwork } from "../../src/engine/open-sliced-network.ts";
import { sliceSource } from "../../src/engine/slice-source.ts";
import { preprocess } from "../../src/image/preprocess.ts";
import { encodeModel } from "../../src/onnx/codec.ts";
import { createSession } from "../../src/runtime/index.ts";
import { listenWebSocket } from "../../src/transport/websocket-server.ts";
import { colourImage, toyPreprocessing, toyProgressive } from "../toy.ts";
import { describeInChromium } from "./in-chromium.ts";
import { ask, type LabAnswer, type ToyImage } from "./lab.ts";

// untrained, but its exits are not alike
const model = toyProgressive({ width: 8, seed: 5 });
const images: readonly ToyImage[] = Array.from({ length: 9 }, (_, i) => ({ label: i % 3, seed: i }));

/** The network in this very thread. */
async function openHere(): Promise<Compute> {
  const network = await openSlicedNetwork(model, { createSession });
  const pool = await openPool((events) => {
    const take = hostCompute(network, {
      post: (reply) => void setImmediate(() => events.reply(reply)),
      now: () => performance.now(),
      sleep: () => undefined,
      breathe: () => new Promise((resolve) => setImmediate(resolve)),
    });
    return { post: take, hold: () => undefined, end: () => network.release() };
  });
  onTestFinished(() => pool.close());
  return pool;
}

async function serve(compute: Compute): Promise<{ url: string; stop(): Promise<void> }> {
  const engine = createCloudEngine({ networks: [compute] });
  const { accept, maxMessageBytes } = engine;
  const { url, close } = await listenWebSocket({ port: 0, accept, maxMessageBytes });
  const stop = async (): Promise<void> => {
    await engine.close(0);
    await close();
  };
  onTestFinished(stop);
  return { url, stop };
}

type Expected = Omit<LabAnswer, "source">;

/** What Node says to the images, without anything between. */
async function expectedAnswers(compute: Compute, threshold: number): Promise<Expected[]> {
  const answers = images.map(async ({ label, seed }) => {
    const pixels = { width: 8, height: 8, data: colourImage(label, 8, seed) };
    const values = preprocess(pixels, toyPreprocessing());
    const thresholds = [threshold, threshold, threshold];
    const task = { start: { kind: "input", values }, cut: "none", thresholds, wantsLogits: true } as const;
    const outcome = await compute.start(task);
    if (outcome.kind !== "answered") throw new Error("It paused");
    const { exit, label: found } = outcome.answer;
    return { exit, label: compute.network.labels![found]!, logits: Array.from(outcome.logits!) };
  });
  return await Promise.all(answers);
}

function expectSame(found: readonly LabAnswer[], expected: readonly Expected[]): void {
  expect(found.map(({ exit, label }) => ({ exit, label }))).toEqual(
    expected.map(({ exit, label }) => ({ exit, label })),
  );
  for (const [i, { logits }] of found.entries()) {
    // a server that found nothing better than the device hands back the device's exit, without logits
    if (logits.length === 0) expect(found[i]!.source).toBe("server");
    for (const [j, value] of logits.entries()) expect(value).toBeCloseTo(expected[i]!.logits[j]!, 4);
  }
}

/** The network in slices, behind a gate. */
const served = sliceSource(model);
let gate: Promise<unknown> = Promise.resolve();
const slices = async (path: string): Promise<Uint8Array | undefined> => {
  if (path.startsWith("slice")) await gate;
  return served(path)?.body;
};

describeInChromium("test/e2e/pages/lab.ts", { "toy.onnx": encodeModel(model), "toy/": slices }, (visit) => {
  test("page and Node agree at every cut", async () => {
    const compute = await openHere();
    const { url } = await serve(compute);
    const { page, complaints } = await visit("isolated");
    const { cuts, ...runtime } = await ask(page, "connect", { server: url, prefer: "wasm", threads: 2 });
    expect(runtime).toEqual({ provider: "wasm", threads: 2, fallbacks: [] });
    expect(cuts.length).toBeGreaterThan(8);
    const sources = new Set<string>();
    for (const threshold of [0.39, 1]) {
      const expected = await expectedAnswers(compute, threshold);
      expect(new Set(expected.map(({ exit }) => exit)).size).toBeGreaterThan(1);
      for (const cut of cuts) {
        const found = await ask(page, "infer", { cut, threshold }, images);
        expectSame(found, expected);
        for (const { source } of found) sources.add(`${cut === "none" ? "none" : "cut"}: ${source}`);
      }
    }
    expect([...sources].sort()).toEqual(["cut: device", "cut: server", "none: device"]);
    await ask(page, "disconnect");
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("a network that is on its way: the server answers until it is there, and is not needed afterwards", async () => {
    const compute = await openHere();
    const { url, stop } = await serve(compute);
    const threshold = 0.8;
    const expected = await expectedAnswers(compute, threshold);
    let open: () => void = () => undefined;
    gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { page } = await visit("isolated");
    const { cuts } = await ask(page, "connect", { server: url, prefer: "wasm", model: "toy/" });
    expect(cuts).toEqual(["input", ...compute.network.exits.map(({ at }) => at)]);
    const before = await ask(page, "infer", undefined, images);
    expect(before.map(({ source }) => source)).toEqual(images.map(() => "server"));
    expect(before.map(({ exit, label }) => ({ exit, label }))).toEqual(
      expected.map(({ exit, label }) => ({ exit, label })),
    );
    expect(await ask(page, "arrived")).toEqual({ cuts: [], plan: "input" });

    open();
    await vi.waitFor(async () => expect((await ask(page, "arrived")).plan).toBe("none"), { timeout: 60_000 });
    expect((await ask(page, "arrived")).cuts).toEqual(cuts.slice(1));
    await stop();
    const after = await ask(page, "infer", { cut: "none", threshold }, images);
    expect(after.map(({ source }) => source)).toEqual(images.map(() => "device"));
    expectSame(after, expected);
    await page.close();
  });

  test("an image is the same in whatever form a page has it", async () => {
    const [image] = images;
    const compute = await openHere();
    const [expected] = await expectedAnswers(compute, 1);
    const { page } = await visit("plain");
    await ask(page, "connect", { prefer: "wasm" });
    for (const kind of ["pixels", "imageData", "canvas", "bitmap", "blob", "bytes", "element", "video"] as const) {
      const logits = await ask(page, "inferAs", kind, image!);
      expect(logits, kind).toEqual(expected!.logits.map((value) => expect.closeTo(value, 4)));
    }
    expect(await ask(page, "inferAs", "text", image!)).toMatch(
      /^InvalidDataError: The browser cannot decode the image/,
    );
    for (const kind of ["emptyElement", "emptyVideo"] as const)
      expect(await ask(page, "inferAs", kind, image!)).toMatch(/^InvalidDataError: There is nothing to see yet/);
    await ask(page, "disconnect");
    expect(await ask(page, "inferAs", "pixels", image!)).toMatch(/^AbortedError: Computing has been closed/);
    await page.close();
  });

  test("on WebGPU, too", async () => {
    const compute = await openHere();
    const { url } = await serve(compute);
    const { page } = await visit("isolated");
    const { cuts, ...runtime } = await ask(page, "connect", {
      server: url,
      prefer: "webgpu",
      softwareGpu: true,
      threads: 1,
    });
    expect(runtime).toEqual({ provider: "webgpu", threads: 1, fallbacks: [] });
    const expected = await expectedAnswers(compute, 1);
    for (const cut of [cuts[5]!, "none"]) expectSame(await ask(page, "infer", { cut, threshold: 1 }, images), expected);
    await ask(page, "disconnect");
    await page.close();
  });

  test("without a server, without threads", async () => {
    const compute = await openHere();
    const { page } = await visit("plain");
    const { fallbacks } = await ask(page, "connect", { threads: 2, softwareGpu: false });
    expect(fallbacks).toHaveLength(2);
    expectSame(await ask(page, "infer", { cut: "none", threshold: 1 }, images), await expectedAnswers(compute, 1));
    await ask(page, "disconnect");
    await page.close();
  });
});
