// The training loop on a toy problem: reproducible to the bit, interrupted or not, and what it computes beside gradients.

import { existsSync } from "node:fs";
import { readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { folderOf } from "../../test/data/fixtures.ts";
import { runWith } from "../../test/run-model.ts";
import { colourDataset, toyNetwork, toyPreprocessing, toyProgressive, unshared } from "../../test/toy.ts";
import { adamDefaults, sgdDefaults } from "../autodiff/optimizer.ts";
import { createBatchLoader, type Dataset } from "../data/index.ts";
import { SpinnError } from "../errors.ts";
import { encodeModel } from "../onnx/codec.ts";
import { graphOf } from "../onnx/graph-index.ts";
import { edit, floatTensor, type ModelProto, makeValueInfo } from "../onnx/proto.ts";
import { dimsOf, floatValues } from "../onnx/tensor-values.ts";
import { float32 } from "../tensor.ts";
import { evaluate } from "./evaluate.ts";
import { train } from "./train.ts";
import type { EpochRecord, TrainOptions, TrainProgress } from "./train-options.ts";

const dataset = colourDataset(48);
const preprocessing = toyPreprocessing();

/** Four steps an epoch of 12 images, one worker. */
const defaults: TrainOptions = {
  dataset: unshared(dataset),
  preprocessing,
  seed: 3,
  epochs: 5,
  tau: () => [0.3, 0.6, 1],
  learningRate: { kind: "cosine", peak: 0.1, warmupEpochs: 1 },
  batchSize: 12,
  microBatch: 6,
  workers: 1,
};

const run = (options: Partial<TrainOptions> = {}, model: ModelProto = toyProgressive()) =>
  train(model, { ...defaults, ...options });

const weights = (model: ModelProto): Map<string, Float32Array> =>
  new Map(graphOf(model).initializer.map((t) => [t.name, floatValues(t)]));

const hex = (model: ModelProto): string => Buffer.from(encodeModel(model)).toString("hex");

const untimed = (history: readonly EpochRecord[]): Omit<EpochRecord, "seconds">[] =>
  history.map(({ seconds: _, ...record }) => record);

/** Once a step, constant rate: what a step does can be followed. */
const constantRate = { kind: "steps", peak: 0.1, milestones: [] } as const;

describe("the same seed gives the same weights, to the bit, after 20 steps", () => {
  test("with one worker, images read ahead in another thread or not", async () => {
    const augmentation = { crop: "pad", padding: 1, flip: true } as const;
    const first = await run({ augmentation });
    expect(hex((await run({ augmentation })).model)).toBe(hex(first.model));
    expect(hex((await run({ augmentation, dataset })).model)).toBe(hex(first.model));
    expect(first.history).toHaveLength(5);
    for (const other of [{ seed: 4 }, { augmentation: { crop: "none" } } as const])
      expect(hex((await run({ augmentation, ...other })).model)).not.toBe(hex(first.model));
  });

  test("with two workers, Adam and an average of the weights", async () => {
    const options = { workers: 2, optimizer: adamDefaults, averageDecay: 0.9, labelSmoothing: 0.1 };
    const [first, second] = [await run(options), await run(options)];
    expect(hex(second.model)).toBe(hex(first.model));
    expect(untimed(second.history)).toEqual(untimed(first.history));
    expect(hex((await run({ ...options, averageDecay: 0 })).model)).not.toBe(hex(first.model));
  });
});

describe("a run that was stopped ends as one that was not", () => {
  const options: Partial<TrainOptions> = {
    workers: 2,
    averageDecay: 0.9,
    tau: (epoch) => [0.1 * epoch, 0.2 * epoch, 1],
    augmentation: { crop: "pad", padding: 1, flip: true },
    // sees the running statistics, which the averaged result does not keep
    validate: async (model) => [weights(model).get("bn1.running_mean")![0]!],
    validateEvery: 2,
  };
  const whole = run(options);
  const checkpointIn = async () => ({ path: join(await folderOf(), "run.checkpoint") });

  async function expectSame(resumed: Awaited<typeof whole>): Promise<void> {
    const { model, history } = await whole;
    expect(hex(resumed.model)).toBe(hex(model));
    expect(untimed(resumed.history)).toEqual(untimed(history));
    expect(history.map((r) => r.heldOutTop1?.length)).toEqual([undefined, 1, undefined, 1, 1]);
  }

  /** Aborts once `when` says so. */
  function stopping(when: (p: TrainProgress) => boolean): Pick<TrainOptions, "signal" | "onProgress"> {
    const controller = new AbortController();
    return { signal: controller.signal, onProgress: (p) => when(p) && controller.abort() };
  }

  test("by its signal, in the middle and at the end of an epoch", async () => {
    const checkpoint = await checkpointIn();
    const stopped = (epoch: number, step: number) => stopping((p) => p.epoch === epoch && p.step === step);
    const resume = true; // also the first time, when there is nothing to go on with
    await expect(run({ ...options, checkpoint, resume, ...stopped(1, 2) })).rejects.toMatchObject({
      code: "Aborted",
      message: "Stopped in epoch 2 after 2 of 4 steps. Go on with --resume",
    });
    await expect(run({ ...options, checkpoint, resume, ...stopped(2, 4) })).rejects.toMatchObject({
      message: "Stopped in epoch 4 after 0 of 4 steps. Go on with --resume",
    });
    const steps: number[] = [];
    await expectSame(
      await run({ ...options, checkpoint, resume, onProgress: (p) => steps.push(4 * p.epoch + p.step) }),
    );
    expect(steps).toEqual([13, 14, 15, 16, 17, 18, 19, 20]);
  });

  test("by its signal before the first step", async () => {
    const checkpoint = await checkpointIn();
    await expect(run({ ...options, checkpoint, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "Aborted",
      message: expect.stringContaining("epoch 1 after 0 of 4 steps"),
    });
    await expectSame(await run({ ...options, checkpoint, resume: true }));
  });

  test("by its signal while it validates", async () => {
    const checkpoint = await checkpointIn();
    const validate = (): Promise<never> => Promise.reject(new SpinnError("Aborted", "Stopped while validating"));
    await expect(run({ ...options, checkpoint, validate })).rejects.toMatchObject({ code: "Aborted" });
    const steps: number[] = [];
    await expectSame(await run({ ...options, checkpoint, resume: true, onProgress: (p) => steps.push(p.step) }));
    expect(steps).toHaveLength(12);
  });

  test("by a crash, from the last step that was saved", async () => {
    const checkpoint = { ...(await checkpointIn()), everySeconds: 0 };
    const crash = run({
      ...options,
      checkpoint,
      onProgress: (p) => {
        if (p.epoch === 1 && p.step === 3) throw new Error("crash");
      },
    });
    await expect(crash).rejects.toThrow("crash");
    const steps: number[] = [];
    await expectSame(await run({ ...options, checkpoint, resume: true, onProgress: (p) => steps.push(p.step) }));
    expect(steps).toHaveLength(20 - 6);
  });

  test("after its last epoch: nothing is trained again", async () => {
    const checkpoint = await checkpointIn();
    await run({ ...options, checkpoint });
    await expectSame(await run({ ...options, checkpoint, resume: true, onProgress: () => expect.fail("a step") }));
  });

  test("without `resume` the checkpoint is ignored, then replaced", async () => {
    const checkpoint = await checkpointIn();
    await writeFile(checkpoint.path, "rubbish");
    await expectSame(await run({ ...options, checkpoint }));
    expect((await readFile(checkpoint.path, "utf8")).startsWith('{"format":"spinn-checkpoint-1"')).toBe(true);
    expect(await readdir(join(checkpoint.path, ".."))).toEqual(["run.checkpoint"]);
  });
});

test("a checkpoint of another run, damaged or cut short, is refused", async () => {
  const checkpoint = { path: join(await folderOf(), "run.checkpoint") };
  const start = { checkpoint, epochs: 2 };
  await run(start);
  const whole = await readFile(checkpoint.path);
  const refused = async (options: Partial<TrainOptions>, why: RegExp, model?: ModelProto): Promise<void> => {
    const steps: unknown[] = [];
    await expect(
      run({ ...start, resume: true, onProgress: (p) => steps.push(p), ...options }, model),
    ).rejects.toMatchObject({ code: "Training", message: expect.stringMatching(why) });
    expect(steps).toEqual([]);
    expect(await readFile(checkpoint.path)).toEqual(expect.any(Buffer));
  };
  const another: Partial<TrainOptions>[] = [
    { seed: 4 },
    { workers: 2 },
    { optimizer: adamDefaults },
    { learningRate: constantRate },
    { tau: () => [0.3, 0.5, 1] },
    { averageDecay: 0.9 },
    { augmentation: { crop: "none", flip: true } },
    { dataset: unshared(colourDataset(60)) },
    { trainable: (name) => name.startsWith("exit") },
  ];
  for (const options of another) await refused(options, /belongs to a run with another/);
  await refused({}, /belongs to a run with another/, toyProgressive({ seed: 2 }));
  expect(await readFile(checkpoint.path)).toEqual(whole);
  await truncate(checkpoint.path, whole.length - 1);
  await refused({}, /is damaged/);
  await writeFile(checkpoint.path, whole.subarray(1));
  await refused({}, /is damaged/);
});

describe("what is learnt", () => {
  test("every exit learns the colours, and the loss that is reported falls", async () => {
    const epochs = 8;
    const large: Dataset = unshared(colourDataset(96));
    const { model, history } = await run({ dataset: large, epochs });
    const [first, last] = [history[0]!, history.at(-1)!];
    expect(history.map((r) => r.epoch)).toEqual(Array.from({ length: epochs }, (_, i) => i + 1));
    for (const exit of [0, 1, 2]) {
      expect(last.losses[exit]).toBeLessThan(0.6 * first.losses[exit]!);
      expect(last.top1[exit]).toBeGreaterThan(0.85);
    }
    const { exits } = await evaluate(model, colourDataset(60, 8, 77));
    for (const exit of exits) expect(exit.top1, exit.name).toBeGreaterThan(0.85);
  });

  test("heads alone: the trunk stays the same to the bit, and so do its answers", async () => {
    const initial = toyProgressive();
    const { model, history } = await run(
      {
        trainable: (name) => name.startsWith("exit"),
        tau: () => [1, 1, 0],
        optimizer: adamDefaults,
        averageDecay: 0.9,
      },
      initial,
    );
    const [before, after] = [weights(initial), weights(model)];
    expect([...after.keys()]).toEqual([...before.keys()]);
    for (const [name, values] of after) {
      if (name.startsWith("exit")) expect(values, name).not.toEqual(before.get(name));
      else expect(values, name).toEqual(before.get(name));
    }
    const input = float32(
      Float32Array.from({ length: 2 * 192 }, (_, i) => Math.sin(i)),
      [2, 3, 8, 8],
    );
    const final = async (m: ModelProto) => (await runWith(m, { input })).logits!;
    expect(await final(model)).toEqual(await final(initial));
    expect(await final(model)).toEqual(await final(toyNetwork()));
    // the trunk's own loss is watched, not changed
    const losses = history.map((r) => r.losses[2]!);
    expect(Math.max(...losses) - Math.min(...losses)).toBeLessThan(1e-6);
  });

  test("an exit whose tau is 0 is left alone", async () => {
    const initial = toyProgressive();
    const { model } = await run({ tau: () => [0, 1, 1], optimizer: { ...sgdDefaults, weightDecay: 0 } }, initial);
    const [before, after] = [weights(initial), weights(model)];
    expect(after.get("exit1.linear.weight")).toEqual(before.get("exit1.linear.weight"));
    expect(after.get("exit2.linear.weight")).not.toEqual(before.get("exit2.linear.weight"));
  });

  test("a network of an old opset is trained and keeps it", async () => {
    const initial = toyProgressive();
    const old = edit(initial, { opsetImport: initial.opsetImport.map((o) => edit(o, { version: 13n })) });
    const { model } = await run({ epochs: 1 }, old);
    expect(model.opsetImport.map((o) => o.version)).toEqual([13n]);
    expect(hex(edit(model, { opsetImport: initial.opsetImport }))).toBe(hex((await run({ epochs: 1 }, initial)).model));
  });

  test("label smoothing spreads its share over all classes", async () => {
    // With all logits 0 the loss is log 3 whatever the targets, and the first gradient of the last bias tells them.
    const zeros = edit(toyProgressive({ batchNorm: false }), {});
    const graph = graphOf(zeros);
    const initializer = graph.initializer.map((t) =>
      floatTensor(t.name, new Float32Array(floatValues(t).length), dimsOf(t)),
    );
    const blank = edit(zeros, { graph: edit(graph, { initializer }) });
    const two = unshared(colourDataset(2)); // a blue one and a green one
    const once = { dataset: two, batchSize: 2, microBatch: 2, epochs: 1, learningRate: constantRate } as const;
    const optimizer = { ...sgdDefaults, nesterov: false };
    const { model, history } = await run({ ...once, optimizer, labelSmoothing: 0.3 }, blank);
    for (const loss of history[0]!.losses) expect(loss).toBeCloseTo(Math.log(3), 5);
    // targets 0.8, 0.1, 0.1 and 0.1, 0.8, 0.1; gradient 1/3 minus their mean
    const expected = [0.45, 0.45, 0.1].map((t) => -0.1 * (1 / 3 - t));
    weights(model)
      .get("linear.bias")!
      .forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i]!, 6);
      });
  });
});

describe("running statistics", () => {
  /** All images in the order of the first step, as network input. */
  async function firstBatch(epoch = 0): Promise<Float32Array> {
    const { seed } = defaults;
    const loader = createBatchLoader(dataset, { batchSize: 48, preprocessing, shuffle: true, dropLast: true, seed });
    return (await loader.batch(epoch, 0)).images;
  }

  /** Mean and unbiased variance of what the first convolution of `model` makes of `images`, channel by channel. */
  async function directly(model: ModelProto, images: Float32Array): Promise<{ mean: number[]; variance: number[] }> {
    const n = images.length / 192;
    const graph = graphOf(model);
    const probe = edit(model, {
      graph: edit(graph, { node: graph.node.slice(0, 1), output: [makeValueInfo("conv1", 1, ["N", 4, 8, 8])] }),
      metadataProps: [],
    });
    const { data } = (await runWith(probe, { input: float32(images, [n, 3, 8, 8]) })).conv1!;
    const values = [0, 1, 2, 3].map((c) => [...(data as Float32Array)].filter((_, i) => Math.floor(i / 64) % 4 === c));
    const mean = values.map((v) => v.reduce((a, b) => a + b) / v.length);
    const variance = values.map((v, c) => v.reduce((sum, x) => sum + (x - mean[c]!) ** 2, 0) / (v.length - 1));
    return { mean, variance };
  }

  function expectClose(actual: Float32Array, expected: readonly number[]): void {
    expect(actual).toHaveLength(expected.length);
    for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 4);
  }

  const oneStep: Partial<TrainOptions> = { batchSize: 48, epochs: 1, learningRate: constantRate };

  test("move a tenth towards a batch, whose micro-batches are averaged", async () => {
    const initial = toyProgressive();
    const images = await firstBatch();
    for (const workers of [1, 2]) {
      const { model } = await run({ ...oneStep, microBatch: 12, workers }, initial);
      const parts = await Promise.all(
        [0, 1, 2, 3].map((i) => directly(initial, images.slice(i * 12 * 192, (i + 1) * 12 * 192))),
      );
      const average = (key: "mean" | "variance", c: number): number =>
        parts.reduce((sum, p) => sum + p[key][c]! / 4, 0);
      const after = weights(model);
      expectClose(
        after.get("bn1.running_mean")!,
        [0, 1, 2, 3].map((c) => 0.1 * average("mean", c)),
      );
      expectClose(
        after.get("bn1.running_var")!,
        [0, 1, 2, 3].map((c) => 0.9 + 0.1 * average("variance", c)),
      );
    }
  });

  test("of averaged weights are those of fresh batches under these weights", async () => {
    const { model } = await run({ ...oneStep, epochs: 3, microBatch: 48, averageDecay: 0.9 });
    // the batches after the last epoch: all images once
    const { mean, variance } = await directly(model, await firstBatch(3));
    expectClose(weights(model).get("bn1.running_mean")!, mean);
    expectClose(weights(model).get("bn1.running_var")!, variance);
  });
});

test("the average of the weights is short at first, then as long as was asked for", async () => {
  const initial = toyProgressive({ batchNorm: false });
  const oneStepAnEpoch = { batchSize: 48, microBatch: 48, learningRate: constantRate };
  const after = async (epochs: number, averageDecay: number) =>
    weights((await run({ ...oneStepAnEpoch, epochs, averageDecay }, initial)).model);
  const path = [await after(1, 0), await after(2, 0), await after(3, 0)];
  for (const decay of [0.99, 0.15]) {
    const averaged = await after(3, decay);
    for (const [name, start] of weights(initial)) {
      let expected = start.slice();
      path.forEach((values, i) => {
        const stays = Math.min(decay, (i + 1) / (i + 11));
        expected = expected.map((a, j) => stays * a + (1 - stays) * values.get(name)![j]!);
      });
      averaged.get(name)!.forEach((value, j) => {
        expect(value, name).toBeCloseTo(expected[j]!, 5);
      });
    }
  }
});

test("every step takes the learning rate of the schedule", async () => {
  const initial = toyProgressive({ batchNorm: false });
  const oneStepAnEpoch = { batchSize: 48, microBatch: 48 };
  const weight = async (epochs: number, learningRate: TrainOptions["learningRate"]) =>
    weights((await run({ ...oneStepAnEpoch, epochs, learningRate }, initial)).model).get("conv4.weight")!;
  // a warm-up starts at 0
  expect(await weight(1, { kind: "cosine", peak: 0.1, warmupEpochs: 1 })).toEqual(
    weights(initial).get("conv4.weight")!,
  );
  const first = await weight(1, constantRate);
  const [constant, divided] = [await weight(2, constantRate), await weight(2, { ...constantRate, milestones: [1] })];
  const moves = constant.map((v, i) => v - first[i]!);
  expect(Math.max(...moves.map(Math.abs))).toBeGreaterThan(1e-3);
  moves.forEach((move, i) => {
    expect(divided[i]! - first[i]!).toBeCloseTo(move / 10, 6);
  });
});

test("two workers come to what one comes to", async () => {
  const options = { epochs: 2, microBatch: 3 };
  const [one, two] = [await run({ ...options, workers: 1 }), await run({ ...options, workers: 2 })];
  const expected = weights(one.model);
  for (const [name, values] of weights(two.model))
    values.forEach((value, i) => {
      expect(value, name).toBeCloseTo(expected.get(name)![i]!, 4);
    });
});

test("progress counts steps and images, and names the learning rate of the next step", async () => {
  const seen: TrainProgress[] = [];
  const records: EpochRecord[] = [];
  const { history } = await run({ epochs: 2, onProgress: (p) => seen.push(p), onEpoch: (r) => records.push(r) });
  expect(seen.map((p) => [p.epoch, p.step])).toEqual([0, 1].flatMap((e) => [1, 2, 3, 4].map((s) => [e, s])));
  for (const p of seen) {
    expect(p).toMatchObject({ epochs: 2, stepsPerEpoch: 4 });
    expect(p.losses).toHaveLength(3);
    for (const top1 of p.top1) expect(top1 >= 0 && top1 <= 1).toBe(true);
    expect(p.imagesPerSecond).toBeGreaterThan(0);
  }
  expect(seen[3]!.secondsLeft).toBeCloseTo(48 / seen[3]!.imagesPerSecond, 6);
  expect(seen.at(-1)!.secondsLeft).toBe(0);
  expect(seen.slice(0, 4).map((p) => p.learningRate)).toEqual(
    [0.025, 0.05, 0.075, 0.1].map((r) => expect.closeTo(r, 9)),
  );
  expect(records).toEqual(history);
  expect(seen[3]!.losses).toEqual(history[0]!.losses);
});

describe("what goes wrong is a Training error, with nothing written", () => {
  async function fails(options: Partial<TrainOptions>, why: RegExp, model?: ModelProto): Promise<void> {
    const folder = await folderOf();
    const checkpoint = { path: join(folder, "run.checkpoint") };
    await expect(run({ checkpoint, ...options }, model)).rejects.toMatchObject({
      code: "Training",
      message: expect.stringMatching(why),
    });
    expect(existsSync(checkpoint.path)).toBe(false);
    expect(await readdir(folder)).toEqual([]);
  }

  test("a learning rate far too high", async () => {
    const learningRate = { ...constantRate, peak: 1e30 };
    await fails({ learningRate }, /^The loss is \S+ in epoch 1, step [234]\. Lower the learning rate/);
  });

  test("a learning rate far too high in the last step, when no loss tells any more", async () => {
    const learningRate = { ...constantRate, peak: 1e60 };
    await fails({ learningRate, epochs: 1, batchSize: 48 }, /Lower the learning rate/);
  });

  test("NaN among the weights, trained or frozen", async () => {
    const model = toyProgressive();
    const graph = graphOf(model);
    const initializer = graph.initializer.map((t) =>
      t.name === "conv2.weight"
        ? floatTensor(
            t.name,
            floatValues(t).map((v, i) => (i === 5 ? Number.NaN : v)),
            dimsOf(t),
          )
        : t,
    );
    const broken = edit(model, { graph: edit(graph, { initializer }) });
    await fails({}, /^The loss is NaN in epoch 1, step 1\. .*NaN in the data and the weights/, broken);
    await fails({ trainable: (name) => name.startsWith("exit") }, /The loss is NaN/, broken);
  });
});

test("options that make no sense are refused", async () => {
  await expect(run({ epochs: 0 })).rejects.toThrow("epochs must be a positive integer, not 0");
  await expect(run({ batchSize: 10, microBatch: 4 })).rejects.toThrow(/batch of 10 does not divide into 1 worker/);
  await expect(run({ workers: 3, microBatch: 6 })).rejects.toThrow(RangeError);
  await expect(run({ batchSize: 60 })).rejects.toThrow("colours/train has too few images for a batch of 60");
  await expect(run({ trainable: () => false })).rejects.toMatchObject({ code: "UnsupportedModel" });
  const four: Dataset = { ...unshared(dataset), classes: ["a", "b", "c", "d"] };
  await expect(run({ dataset: four })).rejects.toMatchObject({ code: "InvalidData" });
});

test("a batch smaller than the usual micro-batch needs no other option", async () => {
  const { batchSize: _, microBatch: __, workers: ___, ...rest } = defaults;
  const { history } = await train(toyProgressive(), { ...rest, epochs: 1, batchSize: 12 });
  expect(history).toHaveLength(1);
});
