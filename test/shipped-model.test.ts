// The model that comes with the package: plain ONNX, honest metadata, and as good as it is said to be.

import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, type TestContext, test } from "vitest";
import { cacheRoot, openDataset } from "../src/data/index.ts";
import { evaluate } from "../src/generator/index.ts";
import { countMacs, decodeModel, readModelFile } from "../src/onnx/index.ts";
import { policyOutcome, readMetadata } from "../src/progressive/index.ts";
import { createSession } from "../src/runtime/index.ts";
import { float32 } from "../src/tensor.ts";

const folder = fileURLToPath(new URL("../models/", import.meta.url));
const names = existsSync(folder) ? readdirSync(folder).filter((name) => /^cifar10-.*\.spinn\.onnx$/.test(name)) : [];
const path = `${folder}${names[0]}`;

function needModel({ skip }: TestContext): void {
  skip(names.length === 0, "models/cifar10-*.spinn.onnx does not exist yet");
}

test("there is one, which `spinn demo` takes", (context) => {
  needModel(context);
  expect(names).toHaveLength(1);
});

test("plain onnxruntime loads it and returns seven sets of logits", async (context) => {
  needModel(context);
  const session = await createSession(await readFile(path));
  expect(session.inputNames).toEqual(["input"]);
  expect(session.outputNames).toEqual([1, 2, 3, 4, 5, 6].map((i) => `exit${i}_logits`).concat("logits"));
  const results = await session.run({ input: float32(new Float32Array(3 * 3072), [3, 3, 32, 32]) });
  for (const [name, { dims, data }] of Object.entries(results)) {
    expect(dims, name).toEqual([3, 10]);
    expect([...(data as Float32Array)].every(Number.isFinite), name).toBe(true);
  }
  await session.release();
});

test("it has the standard's operators alone, and weights inside the file", async (context) => {
  needModel(context);
  const model = decodeModel(await readFile(path));
  expect(model.opsetImport.map((o) => o.domain)).toEqual([""]);
  expect(new Set(model.graph!.node.map((n) => n.domain))).toEqual(new Set([""]));
  expect(model.functions).toEqual([]);
  expect(model.graph!.initializer.filter((t) => t.externalData.length > 0)).toEqual([]);
});

test("its metadata is true of its graph, and holds 5000 held-out images", async (context) => {
  needModel(context);
  const model = await readModelFile(path);
  const { exits, labels, preprocessing, calibration } = readMetadata(model)!;
  expect(exits.map((e) => e.wanted)).toEqual([0.15, 0.3, 0.45, 0.6, 0.75, 0.9]);
  expect(labels).toEqual((await import("../src/data/cifar10.ts")).cifar10Classes);
  expect(preprocessing).toMatchObject({ width: 32, height: 32, channels: 3 });
  expect(calibration).toMatchObject({ images: 5000 });
  expect(calibration!.dataset).toMatch(/^cifar10\/train/);
  expect(calibration!.temperatures).toHaveLength(7);

  // what the record says of the usual thresholds
  const fractions = [...exits.map((e) => e.flopsFraction), 1];
  const outcomes = [0.5, 0.7, 0.9, 1].map((threshold) => policyOutcome(calibration!, threshold, fractions));
  expect(outcomes.at(-1)!.top1).toBeGreaterThan(0.85);
  const costs = outcomes.map((o) => o.meanFlopsFraction);
  expect(costs).toEqual([...costs].sort((a, b) => a - b));
  expect(costs[2]).toBeLessThan(0.9);
  const headMacs = exits.reduce((sum, e) => sum + e.headMacs, 0);
  expect(headMacs / countMacs(model).total).toBeLessThan(0.5);
});

test("it is right on more than 85 % of 500 test images, more so at deeper exits", async (context) => {
  needModel(context);
  const dataset = await openDataset("cifar10").catch((error: Error) =>
    context.skip(`CIFAR-10 is neither in ${cacheRoot()} nor to be had: ${error.message}`),
  );
  const { images, exits, thresholds } = await evaluate(await readModelFile(path), dataset, {
    limit: 500,
    thresholds: [0.9, 1],
  });
  expect(images).toBe(500);
  expect(thresholds[1]!.top1).toBeGreaterThan(0.85);
  expect(exits.at(-1)!.top1).toBeGreaterThan(0.85);
  expect(exits.at(-1)!.top1).toBeGreaterThan(exits[0]!.top1);
  expect(thresholds[0]!.meanFlopsFraction).toBeLessThan(1);
});
