// Which convention a network wants: networks that tell grey levels apart in one convention only, and the real ones.

import { expect, test } from "vitest";
import { needRealModels, type RealModel, realModel } from "../../test/real-models.ts";
import { type Dataset, dataRoot, openDataset, packedDataset, subset } from "../data/index.ts";
import { pathKind } from "../data/read-file.ts";
import { type Preprocessing, preprocessings } from "../image/index.ts";
import { GraphBuilder } from "../onnx/builder.ts";
import { DataType, type ModelProto } from "../onnx/proto.ts";
import { detectPreprocessing, presetFor } from "./detect-preprocessing.ts";

const SIDE = 8;

/** `count` images of one grey level each, `levels` in turn. */
function greys(levels: readonly number[], count = 24, channels: 1 | 3 = 3): Dataset {
  const size = SIDE * SIDE * channels;
  const bytes = new Uint8Array(new SharedArrayBuffer(count * size));
  for (let i = 0; i < count; i++) bytes.fill(levels[i % levels.length]!, i * size, (i + 1) * size);
  return packedDataset({
    name: "greys/test",
    classes: levels.map((level) => `grey ${level}`),
    width: SIDE,
    height: SIDE,
    channels,
    bytes,
    labels: Uint16Array.from({ length: count }, (_, i) => i % levels.length),
  });
}

/** Answers with the level nearest to the image's mean, as `convention` makes numbers of both: 2 c m - c^2. */
function nearestLevel(levels: readonly number[], convention: Preprocessing, channels = 3): ModelProto {
  const { mean, std, scale } = convention;
  const centers = levels.map(
    (level) => mean.reduce((sum, m, c) => sum + (level * scale - m) / std[c]!, 0) / mean.length,
  );
  const graph = new GraphBuilder(17);
  const x = graph.input("image", [1, channels, SIDE, SIDE], DataType.FLOAT, ["N", channels, SIDE, SIDE]);
  const means = graph.op("Flatten", [graph.op("GlobalAveragePool", [x])]);
  const weight = Float32Array.from(centers.flatMap((c) => Array.from({ length: channels }, () => (2 * c) / channels)));
  const bias = Float32Array.from(centers, (c) => -c * c);
  const parameters = [
    graph.parameter("weight", weight, [levels.length, channels]),
    graph.parameter("bias", bias, [levels.length]),
  ];
  graph.output(graph.op("Gemm", [means, ...parameters], { transB: 1 }, "logits"), ["N", levels.length]);
  return graph.build("nearest");
}

const four = [32, 96, 160, 224];

test.each(["cifar", "mobilenetv2"] as const)("a network that wants %s is right most often with it", async (name) => {
  const found = await detectPreprocessing(nearestLevel(four, preprocessings[name]), greys(four));
  expect(found).toEqual({
    name,
    preprocessing: { ...preprocessings[name], width: SIDE, height: SIDE },
    top1: 1,
    images: 24,
  });
});

test("a network for grey images is tried with conventions for those", async () => {
  const found = await detectPreprocessing(nearestLevel(four, preprocessings.mnist, 1), greys(four, 8, 1));
  expect(found).toMatchObject({ name: "mnist", top1: 1, preprocessing: { channels: 1, width: SIDE } });
});

test("two classes can be told from guessing, too", async () => {
  const two = [100, 150];
  const found = await detectPreprocessing(nearestLevel(two, preprocessings.cifar), greys(two));
  expect(found).toMatchObject({ name: "cifar", top1: 1 });
});

test("no more than 256 images are looked at", async () => {
  const found = await detectPreprocessing(nearestLevel(four, preprocessings.cifar), greys(four, 300));
  expect(found).toMatchObject({ images: 256, top1: 1 });
});

test("presetFor() takes the size from the network", () => {
  expect(presetFor("imagenet", nearestLevel(four, preprocessings.imagenet))).toEqual({
    ...preprocessings.imagenet,
    width: SIDE,
    height: SIDE,
  });
});

/** Says the first class whatever it sees. */
const stubborn = (classes: number): ModelProto =>
  nearestLevel([127, ...four, ...four].slice(0, classes), { ...preprocessings.cifar, mean: [1e3, 1e3, 1e3] });

test.each([2, 3, 4, 8])("guessing among %i classes is no fit", async (classes) => {
  const levels = Array.from({ length: classes }, (_, i) => 20 + 30 * i);
  const guessing = detectPreprocessing(stubborn(classes), greys(levels));
  await expect(guessing).rejects.toMatchObject({
    code: "UnsupportedModel",
    message: expect.stringMatching(
      /^No known preprocessing fits the network on greys\/test: at best \d+\.\d % right with "cifar"\. Give it with --preprocessing FILE\.json/,
    ),
  });
});

test("what cannot be tried says why", async () => {
  const refused = (model: ModelProto, dataset: Dataset, code: string, why: RegExp): Promise<void> =>
    expect(detectPreprocessing(model, dataset)).rejects.toMatchObject({ code, message: expect.stringMatching(why) });
  const network = nearestLevel(four, preprocessings.cifar);
  await refused(network, greys([10, 200]), "InvalidData", /greys\/test has 2 classes but the model has 4 outputs/);
  const five = nearestLevel(four, preprocessings.cifar, 5);
  await refused(five, greys(four), "UnsupportedModel", /No known preprocessing fits .*none takes such images/);

  const vector = new GraphBuilder(17);
  vector.output(vector.op("Relu", [vector.input("x", [1, 4])]));
  await refused(vector.build("vector"), greys(four), "UnsupportedModel", /does not take one image \[N, C, H, W\]/);
  const two = new GraphBuilder(17);
  two.output(two.op("Add", [two.input("a", [1, 3, 8, 8]), two.input("b", [1, 3, 8, 8])]));
  await refused(two.build("two"), greys(four), "UnsupportedModel", /does not take one image/);

  await expect(detectPreprocessing(network, greys(four), AbortSignal.abort())).rejects.toMatchObject({
    code: "Aborted",
  });
});

test.for<[model: RealModel, data: string, preset: string, atLeast: number]>([
  ["cifar10-resnet20", "cifar10", "cifar", 0.8],
  ["imagenet-squeezenet1_1", "imagenette", "imagenet", 0.3],
  ["imagenet-mobilenetv2", "imagenette", "mobilenetv2", 0.45],
])("%s on %s is %s", async ([name, data, preset, atLeast], { skip }) => {
  needRealModels(skip);
  if (data === "imagenette") skip((await pathKind(dataRoot())) !== "folder", "the folder ../shared/data is not here");
  const whole = await openDataset(data).catch((error: Error) => skip(`CIFAR-10 is not to be had: ${error.message}`));
  // 40 of them: of these the right convention gets its usual share or so, the wrong one clearly less
  const spread = Uint32Array.from({ length: 40 }, (_, i) => Math.floor((i * whole.length) / 40));
  const found = await detectPreprocessing(realModel(name), subset(whole, spread));
  expect(found).toMatchObject({ name: preset, images: 40 });
  expect(found.top1).toBeGreaterThan(atLeast);
});
