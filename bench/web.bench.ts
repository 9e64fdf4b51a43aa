// What does a page pay? For slices (WebAssembly, heads excluded, beside one plain session of the trunk with as many threads),
// for the codec (beside Node, in turn), in bytes to download, and in time of its main thread.

import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { NETWORKS, networkInputs, readNetwork, sampleCuts } from "../src/bench/codec-networks.ts";
import { activationsAt } from "../src/bench/codec-speed.ts";
import { encodeTensor, type QuantizedValues } from "../src/codec/index.ts";
import { openCompute } from "../src/compute/index.ts";
import { createCloudEngine, describeNetwork, sliceSource } from "../src/engine/index.ts";
import { emulateLink } from "../src/evaluate/index.ts";
import { addExits } from "../src/generator/index.ts";
import { encodeModel, type ModelProto, readModelFile, sliceModel } from "../src/onnx/index.ts";
import { cutCandidates } from "../src/splitter/index.ts";
import { attachWebSocket } from "../src/transport/websocket-server.ts";
import { webBundleSizes } from "../test/browser/bundle.ts";
import { startChromium } from "../test/browser/chromium.ts";
import { startSite } from "../test/browser/site.ts";
import { type BenchOptions, median, spread, writeReport } from "./report.ts";
import type { QuantizedFile, WebBench } from "./web-page.ts";

interface PriceCase {
  readonly model: string;
  readonly threads: number;
  readonly slices: number;
  /** Medians. */
  readonly wholeMs: number;
  readonly slicedMs: number;
  /** Median of the rounds' own: what slows the machine for a while slows both. */
  readonly ratio: number;
  readonly spread: unknown;
}

const SHIPPED = "cifar10-vgg16";
const ROUNDS = 31;
const ROUND_MS = 60;
const CODEC_ROUNDS = 21;
const CODEC_ROUND_MS = 60;
const INFER_MS = 5000;
const FIRST_ANSWERS = 5;

export async function run(options: BenchOptions): Promise<void> {
  const say = (line: string): unknown => !options.json && process.stderr.write(`${line}\n`);
  const models = await progressiveModels();
  const tensors = await codecTensors();
  const site = await startSite("bench/pages/web.ts", { ...modelFiles(models), ...tensorFiles(tensors) });
  const browser = await startChromium();
  try {
    const cases: PriceCase[] = [];
    for (const threads of [1, 2]) {
      const page = await open(await browser.newPage(), `${site.url}isolated/index.html`);
      await ask(page, "open", threads);
      for (const model of models.keys()) {
        const measured = await price(page, model, threads);
        cases.push(measured);
        const { wholeMs, slicedMs, ratio, slices } = measured;
        say(
          `${model}, ${threads} threads: whole ${wholeMs.toFixed(2)} ms, ${slices} slices ${slicedMs.toFixed(2)} ms: ${ratio.toFixed(3)}x`,
        );
      }
      await page.close();
    }
    const page = await open(await browser.newPage(), `${site.url}isolated/index.html`);
    const codec = await codecSpeed(page, tensors);
    say(
      `codec: ${codec.encodeMBps.toFixed(0)} MB/s, Node ${codec.nodeEncodeMBps.toFixed(0)}: ${codec.share.toFixed(2)}`,
    );
    const { longTasks, inferences } = await ask(page, "infer", `${SHIPPED}.onnx`, INFER_MS);
    const firstAnswerMs = await firstAnswer(browser, models.get(SHIPPED)!);
    const { gzipBytes, modelReaderGzipBytes } = await webBundleSizes();
    // with several threads a busy machine decides more than the slices do
    const single = cases.filter(({ threads }) => threads === 1);
    const worst = single.reduce((a, b) => (b.ratio > a.ratio ? b : a));
    const { wholeMs, slicedMs, ratio } = worst;
    const { encodeMBps, nodeEncodeMBps } = codec;
    if (options.json) {
      const result = {
        wholeMs,
        slicedMs,
        ratio,
        codec: { encodeMBps, nodeEncodeMBps },
        gzipBytes,
        firstAnswerMs,
        longTasks,
        cases,
      };
      process.stdout.write(`${JSON.stringify(result)}\n`);
      return;
    }
    const result = {
      wholeMs,
      slicedMs,
      ratio,
      encodeMBps,
      nodeEncodeMBps,
      codecShare: codec.share,
      gzipBytes,
      modelReaderGzipBytes,
      firstAnswerMs,
      longTasks,
    };
    const details = { rounds: ROUNDS, browser: browser.version(), inferences, cases, codecSpread: codec.spread };
    await writeReport("web", options, { result, details });
  } finally {
    await browser.close();
    await site.close();
  }
}

/** On the paper's 4G link: one for the page's slices and for its images. */
async function firstAnswer(browser: Browser, model: ModelProto): Promise<number> {
  const compute = await openCompute({ model });
  const engine = createCloudEngine({ networks: [compute] });
  const slices = sliceSource(model, compute.network);
  const site = await startSite("bench/pages/web.ts", { "network/": async (path) => slices(path)?.body });
  const devices = attachWebSocket(site.server, engine);
  const port = Number(new URL(site.url).port);
  const link = await emulateLink({ target: { host: "127.0.0.1", port }, link: "4g" });
  const samples: number[] = [];
  try {
    for (let i = 0; i < FIRST_ANSWERS; i++) {
      // a context of its own: nothing is kept from the one before
      const context = await browser.newContext();
      const page = await open(await context.newPage(), `${link.url(site.url)}isolated/index.html`);
      samples.push(await ask(page, "firstAnswer", "network/", link.url(site.url).replace("http", "ws")));
      await context.close();
    }
  } finally {
    await link.close();
    await engine.close(0);
    await devices.close();
    await site.close();
    await compute.close();
  }
  return median(samples);
}

/** With exits at the paper's fractions, by name. */
async function progressiveModels(): Promise<Map<string, ModelProto>> {
  const models = new Map<string, ModelProto>();
  for (const network of NETWORKS) models.set(network.model, addExits(await readNetwork(network), { seed: 1 }));
  models.set(SHIPPED, await readModelFile(join("models", `${SHIPPED}.spinn.onnx`)));
  return models;
}

function modelFiles(models: ReadonlyMap<string, ModelProto>): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {};
  for (const [name, model] of models) {
    const { input, exits } = describeNetwork(model);
    files[`${name}.onnx`] = encodeModel(model);
    files[`${name}-trunk.onnx`] = encodeModel(sliceModel(model, { from: [input.name], to: [exits.at(-1)!.output] }));
  }
  return files;
}

async function price(page: Page, model: string, threads: number): Promise<PriceCase> {
  const found = await ask(page, "price", {
    model: `${model}.onnx`,
    trunk: `${model}-trunk.onnx`,
    rounds: ROUNDS,
    roundMs: ROUND_MS,
    arena: true,
  });
  if (!(found.difference < 1e-3)) throw new Error(`${model}: the slices are off by ${found.difference}`);
  const ratios = found.wholeMs.map((ms, i) => found.slicedMs[i]! / ms);
  return {
    model,
    threads,
    slices: found.slices,
    wholeMs: median(found.wholeMs),
    slicedMs: median(found.slicedMs),
    ratio: median(ratios),
    spread: spread(ratios),
  };
}

/** Activations of real images at cuts of every network. */
async function codecTensors(): Promise<QuantizedValues[]> {
  const tensors: QuantizedValues[] = [];
  for (const network of NETWORKS) {
    const model = await readNetwork(network);
    const inputs = await networkInputs({ ...network, images: 1 });
    for (const cut of sampleCuts(cutCandidates(model), 5))
      tensors.push(...(await activationsAt(model, cut, inputs)).flat());
  }
  return tensors;
}

function tensorFiles(tensors: readonly QuantizedValues[]): Record<string, Uint8Array> {
  const list = tensors.map(
    ({ name, shape, scale, zeroPoint }, i): QuantizedFile => ({ name, shape, scale, zeroPoint, values: `values-${i}` }),
  );
  return {
    ...Object.fromEntries(tensors.map(({ values }, i) => [`values-${i}`, values])),
    "tensors.json": new TextEncoder().encode(JSON.stringify(list)),
  };
}

/** MB of 8-bit input a second, in turn; `share` is the median of the rounds' own. */
async function codecSpeed(page: Page, tensors: readonly QuantizedValues[]) {
  const here: number[] = [];
  const there: number[] = [];
  for (let round = -2; round < CODEC_ROUNDS; round++) {
    const node = encodeHere(tensors, CODEC_ROUND_MS);
    const web = await ask(page, "encode", CODEC_ROUND_MS);
    if (round < 0) continue;
    here.push(node);
    there.push(web);
  }
  const shares = there.map((speed, i) => speed / here[i]!);
  return { encodeMBps: median(there), nodeEncodeMBps: median(here), share: median(shares), spread: spread(shares) };
}

/** As the page does it. */
function encodeHere(tensors: readonly QuantizedValues[], ms: number): number {
  const bytes = tensors.reduce((sum, { values }) => sum + values.length, 0);
  const started = performance.now();
  let runs = 0;
  while (performance.now() - started < ms) {
    for (const tensor of tensors) encodeTensor(tensor, { codec: "lz4" });
    runs++;
  }
  return (runs * bytes) / 1000 / (performance.now() - started);
}

async function open(page: Page, url: string): Promise<Page> {
  page.setDefaultTimeout(300_000);
  await page.goto(url);
  await page.waitForFunction("globalThis.bench");
  return page;
}

async function ask<K extends keyof WebBench>(
  page: Page,
  what: K,
  ...args: Parameters<WebBench[K]>
): Promise<Awaited<ReturnType<WebBench[K]>>> {
  return await page.evaluate(
    ([what, args]) => {
      const { bench } = globalThis as unknown as { bench: Record<string, (...args: unknown[]) => unknown> };
      return bench[what]!(...args) as never;
    },
    [what, args as unknown[]] as const,
  );
}
