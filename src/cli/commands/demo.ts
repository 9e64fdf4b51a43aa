// `spinn demo`: the shipped model on real test images, and what its exits save.

import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SpinnError } from "../../errors.ts";
import { type Evaluation, evaluate } from "../../generator/index.ts";
import { countMacs, readModelFile } from "../../onnx/index.ts";
import { readMetadata } from "../../progressive/index.ts";
import { bar, duration, macs, percent } from "../format.ts";
import { interruptible } from "../interrupt.ts";
import type { Io } from "../io.ts";
import { open } from "../options.ts";

export interface DemoOptions {
  images: number;
  threshold: number;
  json?: boolean;
}

/** Plain JSON. */
export interface DemoResult {
  model: string;
  images: number;
  threshold: number;
  top1: number;
  /** Top-1 of the final exit alone, for every image: what the network would be without early exits. */
  finalTop1: number;
  /** Share of the images that stopped at each exit, the final one last. */
  exitRates: readonly number[];
  /** Of the whole network's multiply-adds, heads counted. */
  flopsSaved: number;
}

/** The model that comes with the package. */
export async function shippedModel(): Promise<string> {
  const folder = fileURLToPath(new URL("../../../models/", import.meta.url));
  const files = await readdir(folder).catch(() => []);
  const name = files.find((f) => /^cifar10-.*\.spinn\.onnx$/.test(f));
  if (name) return join(folder, name);
  throw new SpinnError("FileAccess", `There is no cifar10-*.spinn.onnx in ${folder}`, {
    hint: "Install the package again",
  });
}

export async function demoCommand(io: Io, options: DemoOptions): Promise<void> {
  const path = await shippedModel();
  const model = await readModelFile(path);
  const started = performance.now();
  const result = await interruptible(io, async (signal) => {
    const dataset = await open(io, "cifar10", "test", signal);
    return evaluate(model, dataset, {
      name: basename(path),
      limit: options.images,
      thresholds: [options.threshold],
      signal,
      onProgress: ({ done, total }) => io.status(`${bar(done / total)} ${done} of ${total} images`),
    });
  });
  const seconds = (performance.now() - started) / 1000;
  const demo = demoResult(result);
  if (options.json) {
    io.out(JSON.stringify(demo));
    return;
  }
  const names = readMetadata(model)!.exits.map((e) => `${e.name} (${percent(e.flopsFraction, 0)} of the FLOPs)`);
  const width = Math.max(...names.map((n) => n.length));
  const histogram = [...names, "final"].map((name, i) => {
    const rate = demo.exitRates[i]!;
    return `  ${name.padEnd(width)}  ${bar(rate)} ${percent(rate).padStart(6)}`;
  });
  io.out(
    [
      `${demo.model}: ${macs(countMacs(model).total)} multiply-adds an image, ${names.length} early exits`,
      `${demo.images} CIFAR-10 test images in ${duration(seconds)}; an image leaves at the first exit that is ${percent(demo.threshold, 0)} sure\n`,
      ...histogram,
      "",
      `  right answers     ${percent(demo.top1)}  (the final exit alone: ${percent(demo.finalTop1)})`,
      `  FLOPs saved       ${percent(demo.flopsSaved)}`,
      "",
      "Next: npx spinn inspect | eval | build | train --help",
    ].join("\n"),
  );
}

function demoResult({ model, images, exits, thresholds }: Evaluation): DemoResult {
  const { threshold, top1, exitRates, meanFlopsFraction } = thresholds[0]!;
  return {
    model,
    images,
    threshold,
    top1,
    finalTop1: exits.at(-1)!.top1,
    exitRates,
    flopsSaved: 1 - meanFlopsFraction,
  };
}
