// Collecting logits, calibrating and evaluating, on made images and small untrained networks.

import { beforeAll, expect, test } from "vitest";
import { needRealModels, realModel } from "../../test/real-models.ts";
import type { Dataset } from "../data/dataset.ts";
import { dataRoot, openDataset } from "../data/open-dataset.ts";
import { packedDataset } from "../data/packed-dataset.ts";
import { pathKind } from "../data/read-file.ts";
import { preprocess } from "../image/preprocess.ts";
import { preprocessings } from "../image/preprocessing.ts";
import { decodeModel, encodeModel } from "../onnx/codec.ts";
import { graphOf } from "../onnx/graph-index.ts";
import { type ModelProto, makeValueInfo } from "../onnx/proto.ts";
import { readMetadata, withMetadata } from "../progressive/metadata.ts";
import { policyOutcome } from "../progressive/policy-outcome.ts";
import { createRng } from "../random.ts";
import { createSession } from "../runtime/index.ts";
import { float32 } from "../tensor.ts";
import { addExits } from "./add-exits.ts";
import { buildArchitecture } from "./architectures/index.ts";
import { calibrate } from "./calibrate.ts";
import { collectLogits } from "./collect-logits.ts";
import { defaultThresholds, evaluate } from "./evaluate.ts";

function images(count: number, classes: number, classIndices?: number[]): Dataset {
  const rng = createRng(5);
  const bytes = new Uint8Array(new SharedArrayBuffer(count * 3072));
  for (let i = 0; i < bytes.length; i++) bytes[i] = 256 * rng();
  return packedDataset({
    name: "made/test",
    classes: Array.from({ length: classes }, (_, i) => `class ${i}`),
    ...(classIndices && { classIndices }),
    width: 32,
    height: 32,
    channels: 3,
    bytes,
    labels: Uint16Array.from({ length: count }, (_, i) => i % classes),
  });
}

const plain = buildArchitecture("resnet20", { classes: 4, seed: 1, width: 2 });
const preprocessing = preprocessings.cifar;
const data = images(23, 4);
let model: ModelProto;

beforeAll(() => {
  model = withMetadata(addExits(plain, { seed: 1, head: { kind: "sdn" } }), { preprocessing });
});

test("collectLogits() returns what the network says about each image, in order, for any batch size", async () => {
  const done: number[] = [];
  const logits = await collectLogits(model, data, { batchSize: 5, onProgress: (p) => done.push(p.done) });
  expect(logits).toMatchObject({ images: 23, classes: 4 });
  expect(logits.exits).toHaveLength(7);
  expect(logits.labels).toEqual(data.labels);
  expect(done).toEqual([5, 10, 15, 20, 23]);

  const session = await createSession(model);
  for (const i of [0, 4, 5, 22]) {
    const input = float32(preprocess(await data.pixels(i), preprocessing), [1, 3, 32, 32]);
    const single = await session.run({ input });
    Object.values(single).forEach(({ data: values }, e) => {
      const row = logits.exits[e]!.subarray(4 * i, 4 * i + 4);
      row.forEach((value, c) => {
        expect(value).toBeCloseTo(values[c] as number, 3);
      });
    });
  }
  await session.release();
});

test("limit takes images from the whole data set", async () => {
  const all = await collectLogits(model, data);
  const some = await collectLogits(model, data, { limit: 4 });
  expect(some.labels).toEqual(Uint16Array.from([0, 5, 11, 17], (i) => data.labels[i]!));
  expect(some.exits[6]!.subarray(4, 8)).toEqual(all.exits[6]!.subarray(20, 24));
});

test("what calibration records predicts exactly what evaluation of the same images finds", async () => {
  const calibrated = decodeModel(encodeModel(await calibrate(model, data)));
  const { calibration, exits } = readMetadata(calibrated)!;
  expect(calibration).toMatchObject({ dataset: "made/test", images: 23 });
  const result = await evaluate(encodeModel(calibrated), data, { name: "small", thresholds: [0, 0.25, 0.333, 0.5, 1] });
  const fractions = [...exits.map((e) => e.flopsFraction), 1];
  for (const { threshold, ...found } of result.thresholds)
    expect(policyOutcome(calibration!, threshold, fractions)).toEqual(found);
});

test("evaluate() answers with the JSON that scripts read", async () => {
  const result = await evaluate(model, data, { name: "small" });
  expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  expect(result).toMatchObject({ model: "small", dataset: "made/test", images: 23 });
  expect(result.exits.map((e) => e.name)).toEqual([1, 2, 3, 4, 5, 6].map((i) => `exit${i}`).concat("final"));
  expect(result.thresholds.map((t) => t.threshold)).toEqual(defaultThresholds);
  for (const { exitRates, meanFlopsFraction } of result.thresholds) {
    expect(exitRates).toHaveLength(7);
    expect(exitRates.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    expect(meanFlopsFraction).toBeGreaterThan(0);
    expect(meanFlopsFraction).toBeLessThanOrEqual(1 + 1e-12);
  }
});

test("a plain classifier is evaluated with a given preprocessing, its final exit alone", async () => {
  const result = await evaluate(plain, data, { preprocessing });
  expect(result.model).toBe("resnet20");
  expect(result.exits).toEqual([{ name: "final", flopsFraction: 1, top1: result.thresholds[0]!.top1 }]);
  expect(result.thresholds[7]).toMatchObject({ exitRates: [1], meanFlopsFraction: 1 });
  const graph = graphOf(plain);
  const single = { ...plain, graph: { ...graph, input: [makeValueInfo("input", 1, [1, 3, 32, 32])] } };
  expect((await evaluate(single, data, { preprocessing })).exits).toEqual(result.exits);
});

test("classes of ImageNet are found among 1001 outputs", async () => {
  const wide = buildArchitecture("resnet20", { classes: 1001, seed: 1, width: 2 });
  const { labels } = await collectLogits(wide, images(4, 2, [7, 999]), { preprocessing });
  expect(labels).toEqual(Uint16Array.of(8, 1000, 8, 1000));
});

test("what cannot be evaluated says why", async () => {
  const refused = (m: ModelProto, options: Parameters<typeof evaluate>[2], code: string, why: RegExp): Promise<void> =>
    expect(evaluate(m, data, options)).rejects.toMatchObject({ code, message: expect.stringMatching(why) });
  await refused(plain, {}, "UnsupportedModel", /how an image becomes its input/);
  await refused(plain, { preprocessing: preprocessings.mnist }, "UnsupportedModel", /takes images \[3, 32, 32\]/);
  await refused({ ...model, metadataProps: [] }, { preprocessing }, "UnsupportedModel", /7 outputs and no metadata/);
  const other = buildArchitecture("resnet20", { classes: 5, seed: 1, width: 2 });
  await refused(other, { preprocessing }, "InvalidData", /has 4 classes but the model has 5/);
  await refused(model, { signal: AbortSignal.abort() }, "Aborted", /Stopped/);

  const graph = graphOf(plain);
  const [first, ...rest] = graph.initializer;
  const poisoned = { ...first!, rawData: new Uint8Array(first!.rawData.length).fill(255) };
  const broken = { ...plain, graph: { ...graph, initializer: [poisoned, ...rest] } };
  await refused(broken, { preprocessing }, "InvalidModel", /"logits" is not a number.*weights may be damaged/);
  await expect(evaluate(model, data, { limit: 0 })).rejects.toThrow(RangeError);
  await expect(evaluate(model, data, { thresholds: [2] })).rejects.toThrow(RangeError);
});

test("SqueezeNet has 53.0 % on the real validation images", async ({ skip }) => {
  needRealModels(skip);
  skip((await pathKind(dataRoot())) !== "folder", "the folder ../shared/data is not here");
  const limit = 100;
  const result = await evaluate(realModel("imagenet-squeezenet1_1"), await openDataset("imagenette"), {
    preprocessing: preprocessings.imagenet,
    limit,
  });
  expect(result.images).toBe(limit);
  // of all 500 it is 0.53; five standard deviations around it here
  expect(Math.abs(result.exits[0]!.top1 - 0.53)).toBeLessThan(0.25);
});
