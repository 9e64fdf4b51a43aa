import { describe, expect, test } from "vitest";
import { patternDataset, patternImage } from "../../test/data/fixtures.ts";
import { preprocess } from "../image/preprocess.ts";
import { preprocessings } from "../image/preprocessing.ts";
import { augmentations } from "./augment.ts";
import { type Batch, type BatchLoaderOptions, createBatchLoader } from "./batch-loader.ts";
import type { Dataset } from "./dataset.ts";

const preprocessing = { ...preprocessings.cifar, width: 8, height: 8 };
const training: BatchLoaderOptions = {
  batchSize: 4,
  preprocessing,
  augmentation: augmentations.cifar,
  shuffle: true,
  dropLast: true,
  seed: 5,
};

async function all(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const list: Batch[] = [];
  for await (const batch of batches) list.push(batch);
  return list;
}

describe("createBatchLoader()", () => {
  test("evaluates every image once, in order, the last batch being smaller", async () => {
    const dataset = patternDataset(10);
    const batches = await all(createBatchLoader(dataset, { batchSize: 4, preprocessing }).epoch(0));
    expect(batches.flatMap(({ indices }) => [...indices])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(batches.flatMap(({ labels }) => [...labels])).toEqual([...dataset.labels]);
    expect(batches.map(({ dims }) => dims[0])).toEqual([4, 4, 2]);
    expect(batches[2]!.images.length).toBe(2 * 3 * 64);
    expect(batches[1]!.images.slice(192, 384)).toEqual(preprocess(patternImage(8, 8, 5), preprocessing));
  });

  test("shuffles every epoch anew and drops what fills no batch", async () => {
    const loader = createBatchLoader(patternDataset(11), training);
    expect(loader.stepsPerEpoch).toBe(2);
    const [first, second] = [await all(loader.epoch(0)), await all(loader.epoch(1))];
    const order = (batches: Batch[]) => batches.flatMap(({ indices }) => [...indices]);
    expect(new Set(order(first)).size).toBe(8);
    expect(order(second)).not.toEqual(order(first));
    expect(order(await all(createBatchLoader(patternDataset(11), { ...training, seed: 6 }).epoch(0)))).not.toEqual(
      order(first),
    );
  });

  test("computes the same batch in whatever order it is asked for", async () => {
    const forwards = await all(createBatchLoader(patternDataset(20), training).epoch(3));
    const loader = createBatchLoader(patternDataset(20), training);
    await loader.batch(9, 1);
    for (const step of [4, 0, 2, 1, 3]) expect(await loader.batch(3, step)).toEqual(forwards[step]);
  });

  test("augments an image the same wherever it stands in a batch", async () => {
    const images = async (batchSize: number) => {
      const loader = createBatchLoader(patternDataset(12), { ...training, batchSize, shuffle: false });
      return (await all(loader.epoch(2))).flatMap((batch) => [...batch.images]);
    };
    expect(await images(3)).toEqual(await images(4));
  });

  test("goes on in the middle of an epoch", async () => {
    const loader = createBatchLoader(patternDataset(20), training);
    expect(await all(loader.epoch(1, 3))).toEqual((await all(loader.epoch(1))).slice(3));
  });

  test("writes into the memory it is given", async () => {
    const loader = createBatchLoader(patternDataset(6), { batchSize: 4, preprocessing });
    const into = new Float32Array(4 * 192).fill(9);
    const batch = await loader.batch(0, 1, into);
    expect(batch.images.buffer).toBe(into.buffer);
    expect(batch.images).toEqual((await loader.batch(0, 1)).images);
    expect(into[2 * 192]).toBe(9);
  });

  test("waits for images that are read from files", async () => {
    const inMemory = patternDataset(6);
    const slow: Dataset = {
      ...inMemory,
      pixels: (index) => new Promise((resolve) => setTimeout(resolve, 5 - index, inMemory.pixels(index))),
    };
    const options = { ...training, batchSize: 6 };
    const expected = await createBatchLoader(inMemory, options).batch(0, 0);
    expect(await createBatchLoader(slow, options).batch(0, 0)).toEqual(expected);
  });

  test("passes on what an image says when it cannot be read", async () => {
    const broken: Dataset = { ...patternDataset(4), pixels: () => Promise.reject(new Error("no such image")) };
    await expect(createBatchLoader(broken, training).batch(0, 0)).rejects.toThrow("no such image");
  });

  test("rejects sizes that make no batch", async () => {
    const dataset = patternDataset(3);
    expect(() => createBatchLoader(dataset, { ...training, batchSize: 0 })).toThrow(RangeError);
    expect(() => createBatchLoader(dataset, { ...training, batchSize: 4 })).toThrow(/too few images/);
    await expect(createBatchLoader(dataset, { ...training, batchSize: 3 }).batch(0, 1)).rejects.toThrow(RangeError);
  });
});
