// Does anything get lost, wrong or larger while devices and servers live through a bad day? Minutes of mixed load while servers are
// killed and frozen, links cut and stalled, and answers forged: soak-run.ts.

import { parseArgs } from "node:util";
import { openNodeNetwork } from "../compute/index.ts";
import { describeNetwork } from "../engine/index.ts";
import { percentile, trueAnswers } from "../evaluate/index.ts";
import { type LoadTask, makeSamples, mixedDevices, spreadCuts } from "../evaluate/load/index.ts";
import { collectLogits } from "../generator/collect-logits.ts";
import { preprocess } from "../image/index.ts";
import { type ModelProto, readModelFile } from "../onnx/index.ts";
import { packageFile } from "../package-file.ts";
import { type BenchOptions, writeReport } from "./report.ts";
import { soak } from "./soak-run.ts";
import { testImages } from "./test-images.ts";

const MODEL = packageFile("models/cifar10-vgg16.spinn.onnx");
const IMAGES = 200;
const LOAD_IMAGES = 16;
const CUTS = 8;
const FILL_S = 60;
const THRESHOLDS = [0.9, 0.99, 1];

/** Understands `--minutes N` (20), `--devices N` (24), `--rate N` (2, requests a second and device) and `--seed N` (1). */
export async function run(options: BenchOptions): Promise<void> {
  const { minutes, devices, rate, seed } = settings(options.args);
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const model = await readModelFile(MODEL);
  const dataset = await testImages(IMAGES, say);
  const images = await Promise.all(Array.from({ length: dataset.length }, (_, i) => dataset.pixels(i)));
  const expected = trueAnswers(describeNetwork(model), await collectLogits(model, dataset));
  const ended = new AbortController();
  const interrupt = (): void => ended.abort();
  process.once("SIGINT", interrupt);
  const warmUpS = Math.min(120, 15 * minutes);
  const load = await mixedLoad(model, images, devices, rate, seed);
  const {
    load: counts,
    clients,
    memory,
    ...others
  } = await soak({
    model: MODEL,
    images,
    expected,
    load,
    seconds: 60 * minutes,
    fillS: FILL_S,
    warmUpS,
    seed,
    onProgress: say,
    signal: ended.signal,
  });
  process.off("SIGINT", interrupt);
  const { latenciesMs, problems, ...sums } = counts;
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  const total = (of: (client: (typeof clients)[number]) => number): number =>
    clients.reduce((sum, one) => sum + of(one), 0);
  const growth = Object.fromEntries(Object.entries(memory).map(([name, trend]) => [`${name}RssGrowth`, trend.growth]));
  const result = {
    minutes: others.seconds / 60,
    requests: sums.requests + total(({ inferences }) => inferences),
    lost: sums.lost + total(({ failed }) => failed),
    wrong: sums.wrong + total(({ wrong }) => wrong),
    reconnects: total(({ reconnects }) => reconnects),
    faults: Object.values(others.faults).reduce((sum, count) => sum + count, 0),
    rssGrowth: Math.max(...Object.values(memory).map((trend) => trend.growth)),
    ...growth,
  };
  const latencyMs = { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95), p99: percentile(sorted, 0.99) };
  const details = {
    seed,
    devices,
    rate,
    warmUpS,
    images: dataset.name,
    load: { ...sums, latencyMs, problems },
    clients,
    memory,
    ...others,
  };
  if (!options.json) say(JSON.stringify(details, null, 2));
  await writeReport("soak", options, { result, details });
}

/** Devices at mixed cuts and thresholds with images of the data set, as 8-bit packets. */
async function mixedLoad(
  model: ModelProto,
  images: readonly Parameters<typeof preprocess>[0][],
  devices: number,
  perSecond: number,
  seed: number,
): Promise<Omit<LoadTask, "server">> {
  const network = await openNodeNetwork(model);
  try {
    const { info } = network;
    const inputs = images.slice(0, LOAD_IMAGES).map((image) => preprocess(image, info.preprocessing!));
    const samples = await makeSamples(network, inputs, spreadCuts(info, CUTS));
    const plans = mixedDevices(info, samples, {
      devices,
      seed,
      thresholds: (index) => info.exits.map(() => THRESHOLDS[index % THRESHOLDS.length]!),
      pace: { kind: "open", perSecond },
      deadlineMs: 2000,
    });
    return { modelHash: info.modelHash, samples, devices: plans };
  } finally {
    await network.release();
  }
}

function settings(args: readonly string[]): { minutes: number; devices: number; rate: number; seed: number } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string", default: "20" },
      devices: { type: "string", default: "24" },
      rate: { type: "string", default: "2" },
      seed: { type: "string", default: "1" },
      json: { type: "boolean" },
      save: { type: "boolean" },
    },
  });
  const number = (name: "minutes" | "devices" | "rate" | "seed", isRight: (value: number) => boolean): number => {
    const value = Number(values[name]);
    if (!(Number.isFinite(value) && isRight(value))) throw new RangeError(`--${name} cannot be ${values[name]}`);
    return value;
  };
  const isCount = (value: number): boolean => Number.isInteger(value) && value > 0;
  return {
    minutes: number("minutes", (value) => value > 0),
    devices: number("devices", (value) => isCount(value) && value % 2 === 0),
    rate: number("rate", (value) => value > 0),
    seed: number("seed", (value) => Number.isInteger(value) && value >= 0),
  };
}
