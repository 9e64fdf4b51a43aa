// Does the device keep its promise whatever happens to server and link? 10 000 inferences with a deadline each, while the server is
// killed, frozen and replaced by a liar, and the connection cut and stalled: evaluate/survival.ts.

import { parseArgs } from "node:util";
import { describeNetwork } from "../engine/index.ts";
import { type SurvivalProgress, survive } from "../evaluate/survival.ts";
import { trueAnswers } from "../evaluate/true-answers.ts";
import { collectLogits } from "../generator/collect-logits.ts";
import { readModelFile } from "../onnx/index.ts";
import { packageFile } from "../package-file.ts";
import { type BenchOptions, writeReport } from "./report.ts";
import { testImages } from "./test-images.ts";

const MODEL = packageFile("models/cifar10-vgg16.spinn.onnx");
const IMAGES = 1000;

/** Understands `--inferences N` (10 000), `--seed N` (1) and `--deadline MS` (150). */
export async function run(options: BenchOptions): Promise<void> {
  const { inferences, seed, deadlineMs } = settings(options.args);
  const say = (text: string): void => void (options.json || process.stderr.write(`${text}\n`));
  const model = await readModelFile(MODEL);
  const dataset = await testImages(IMAGES, say);
  say(`What all exits say of ${dataset.length} images of ${dataset.name}`);
  const expected = trueAnswers(describeNetwork(model), await collectLogits(model, dataset));
  const images = await Promise.all(Array.from({ length: dataset.length }, (_, i) => dataset.pixels(i)));
  const report = await survive({
    model: MODEL,
    images,
    expected,
    inferences,
    seed,
    deadlineMs,
    ...(!options.json && { onProgress: progressLine() }),
  });
  const { answered, late, wrong, reconnects, rssGrowth, ...details } = report;
  const result = { inferences, answered, late, wrong, reconnects, rssGrowth };
  say(`\n${JSON.stringify(details, null, 2)}`);
  await writeReport("link", options, { result, details: { seed, deadlineMs, images: dataset.name, ...details } });
}

function settings(args: readonly string[]): { inferences: number; seed: number; deadlineMs: number } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      inferences: { type: "string", default: "10000" },
      seed: { type: "string", default: "1" },
      deadline: { type: "string", default: "150" },
      json: { type: "boolean" },
      save: { type: "boolean" },
    },
  });
  const whole = (name: "inferences" | "seed" | "deadline", least: number): number => {
    const value = Number(values[name]);
    if (!(Number.isInteger(value) && value >= least)) throw new RangeError(`--${name} cannot be ${values[name]}`);
    return value;
  };
  return { inferences: whole("inferences", 1), seed: whole("seed", 0), deadlineMs: whole("deadline", 1) };
}

function progressLine(): (progress: SurvivalProgress) => void {
  return ({ done, total, fault }) => {
    if (done % 20 === 0) process.stderr.write(`\r${done} of ${total}  ${(fault ?? "").padEnd(30)}`);
  };
}
