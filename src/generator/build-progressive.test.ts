// The recipe of `spinn build` from code, on the toy network. What the command makes of it is in test/cli.test.ts.

import { expect, test } from "vitest";
import { randomFeeds, runWith } from "../../test/run-model.ts";
import { colourDataset, colours, toyNetwork, toyPreprocessing, unshared } from "../../test/toy.ts";
import type { Dataset } from "../data/index.ts";
import { graphOf } from "../onnx/graph-index.ts";
import { edit, type ModelProto } from "../onnx/proto.ts";
import { readMetadata } from "../progressive/metadata.ts";
import { type BuildProgressiveOptions, buildProgressive } from "./build-progressive.ts";
import { calibrationSplit, withoutCalibrationImages } from "./calibration-split.ts";

const training = unshared(colourDataset(24));
const testImages: Dataset = { ...colourDataset(30, 8, 2), name: "colours/test" };

const build = (model: ModelProto, options: Partial<BuildProgressiveOptions> = {}) =>
  buildProgressive(model, {
    training,
    calibration: calibrationSplit(testImages, 9).held,
    preprocessing: toyPreprocessing(),
    seed: 1,
    epochs: 2,
    batchSize: 12,
    microBatch: 12,
    workers: 1,
    fractions: [0.1, 0.6],
    head: { kind: "linear" },
    ...options,
  });

/** The toy network, its first weight called like a head's. */
function oddlyNamed(): ModelProto {
  const model = toyNetwork();
  const graph = graphOf(model);
  const renamed = (name: string): string => (name === "conv1.weight" ? "exit7.conv.weight" : name);
  return edit(model, {
    graph: edit(graph, {
      node: graph.node.map((node) => edit(node, { input: node.input.map(renamed) })),
      initializer: graph.initializer.map((tensor) => edit(tensor, { name: renamed(tensor.name) })),
    }),
  });
}

test.each([
  ["the toy network", toyNetwork()],
  ["a network with a weight named like a head's", oddlyNamed()],
])(
  "%s: the trunk stays the same to the bit, heads are trained, labels and preprocessing are recorded",
  async (_, plain) => {
    const phases: string[] = [];
    const { model, history } = await build(plain, { onPhase: (phase) => phases.push(phase) });
    const after = new Map(graphOf(model).initializer.map((t) => [t.name, t]));
    for (const tensor of graphOf(plain).initializer) expect(after.get(tensor.name)).toEqual(tensor);
    const feeds = randomFeeds(plain, { batch: 2 });
    expect((await runWith(model, feeds)).logits).toEqual((await runWith(plain, feeds)).logits);
    expect(history).toHaveLength(2);
    for (const exit of [0, 1]) expect(history[1]!.losses[exit]).toBeLessThan(history[0]!.losses[exit]!);
    expect(phases).toEqual([
      "Training 2 heads on 24 images of colours/train",
      "Calibrating on 9 images of colours/test-calibration",
    ]);
    expect(readMetadata(model)).toMatchObject({
      labels: colours,
      preprocessing: toyPreprocessing(),
      calibration: { dataset: "colours/test-calibration", images: 9 },
    });
  },
);

test("however many images calibrate, evaluation leaves out exactly those", async () => {
  const many: Dataset = { ...colourDataset(5100, 8, 3), name: "colours/test" };
  const { held, rest } = calibrationSplit(many, 5050);
  const metadata = readMetadata((await build(toyNetwork(), { calibration: held, epochs: 1 })).model)!;
  expect(metadata.calibration!.images).toBe(5050);
  const left = withoutCalibrationImages(many, metadata);
  expect(left.length).toBe(50);
  for (const i of [0, 20, 49]) expect(left.pixels(i)).toEqual(rest.pixels(i));
});

test("what does not fit the network is refused before anything is trained", async () => {
  const refused = (options: Partial<BuildProgressiveOptions>, code: string, why: RegExp): Promise<void> =>
    expect(build(toyNetwork(), { ...options, onProgress: () => expect.fail("a step was made") })).rejects.toMatchObject(
      { code, message: expect.stringMatching(why) },
    );
  await refused(
    { labels: ["a", "b"] },
    "InvalidData",
    /^There are 2 class names for a network of 3 classes\. Give one/,
  );
  await refused(
    { preprocessing: toyPreprocessing(32) },
    "UnsupportedModel",
    /^The network takes images \[3, 8, 8\], preprocessing makes \[3, 32, 32\]$/,
  );
  const four = { ...training, classes: ["a", "b", "c", "d"] };
  await refused({ training: four }, "InvalidData", /has 4 classes but the model has 3 outputs/);
  const { graph } = toyNetwork();
  await expect(build(edit(toyNetwork(), { graph: edit(graph!, { node: [] }) }))).rejects.toMatchObject({
    code: "InvalidModel",
  });
});
