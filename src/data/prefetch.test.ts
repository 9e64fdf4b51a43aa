import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { encoded, folderOf, patternDataset, patternImage } from "../../test/data/fixtures.ts";
import { preprocessings } from "../image/preprocessing.ts";
import { augmentations } from "./augment.ts";
import { type Batch, type BatchLoaderOptions, createBatchLoader } from "./batch-loader.ts";
import type { Dataset } from "./dataset.ts";
import { openDataset } from "./open-dataset.ts";
import { prefetch } from "./prefetch.ts";
import { splitHoldout } from "./subset.ts";

const options: BatchLoaderOptions = {
  batchSize: 4,
  preprocessing: { ...preprocessings.cifar, width: 8, height: 8 },
  augmentation: augmentations.cifar,
  shuffle: true,
  seed: 3,
};

/** A thread of Node 20 runs only JavaScript, so what is tested here is what tsc makes of these sources. */
beforeAll(async () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const sources = (await readdir(`${root}src/data`)).filter((name) => name.endsWith(".ts") && !name.includes(".test."));
  const isStale = (name: string) => {
    const compiled = `${root}dist/data/${name.replace(/ts$/, "js")}`;
    return !existsSync(compiled) || statSync(compiled).mtimeMs < statSync(`${root}src/data/${name}`).mtimeMs;
  };
  if (!sources.some(isStale)) return;
  const tsc = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], {
    cwd: root,
    encoding: "utf8",
  });
  // errors elsewhere in the project do not keep tsc from writing
  if (!existsSync(`${root}dist/data/prefetch-worker.js`)) throw new Error(`npm run build failed:\n${tsc.stdout}`);
}, 120_000);

/** Copies, as a batch's memory is taken back when the next one is asked for. */
async function all(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const list: Batch[] = [];
  for await (const batch of batches) list.push({ ...batch, images: batch.images.slice() });
  return list;
}

describe("prefetch()", () => {
  test("gives the batch loader's batches bit for bit, epoch after epoch", async () => {
    const { rest } = splitHoldout(patternDataset(50), 7, 1);
    const loader = createBatchLoader(rest, options);
    const source = prefetch(rest, options);
    expect(source).toMatchObject({ batchSize: 4, stepsPerEpoch: 11 });
    for (const epoch of [0, 1, 7]) expect(await all(source.epoch(epoch))).toEqual(await all(loader.epoch(epoch)));
    expect(await all(source.epoch(2, 9))).toEqual(await all(loader.epoch(2, 9)));
    await source.close();
  });

  test("reads images from files", async () => {
    const image = (seed: number) => encoded(patternImage(20, 14, seed), "png");
    const dataset = await openDataset(
      await folderOf({
        "train/a/1.png": await image(1),
        "train/a/2.png": await image(2),
        "train/b/3.png": await image(3),
        "val/a/4.png": await image(4),
        "val/b/5.png": await image(5),
      }),
      { split: "train" },
    );
    const photos = { ...options, augmentation: augmentations.photo, batchSize: 2 };
    const source = prefetch(dataset, photos, { ahead: 1 });
    expect(await all(source.epoch(5))).toEqual(await all(createBatchLoader(dataset, photos).epoch(5)));
    await source.close();
  });

  test("lends no more batches than there is memory for, and takes it back", async () => {
    const source = prefetch(patternDataset(40), options, { ahead: 2 });
    let previous: Batch | undefined;
    for await (const batch of source.epoch(0)) {
      expect(batch.images.length).toBe(4 * 192);
      // one of the three memories went to the thread for the batch three steps on, as long as there is one
      if (previous && previous.step + 3 < source.stepsPerEpoch) expect(previous.images.length).toBe(0);
      previous = batch;
    }
    expect(previous?.step).toBe(9);
    await source.close();
  });

  test("begins another epoch after one was left in the middle", async () => {
    const dataset = patternDataset(40);
    const source = prefetch(dataset, options);
    for await (const { step } of source.epoch(0)) if (step === 2) break;
    expect(await all(source.epoch(1))).toEqual(await all(createBatchLoader(dataset, options).epoch(1)));
    await source.close();
  });

  test("refuses a second epoch while one is being read", async () => {
    const source = prefetch(patternDataset(40), options);
    const first = source.epoch(0);
    await first.next();
    await expect(source.epoch(1).next()).rejects.toThrow(/still being read/);
    await first.return?.();
    expect((await source.epoch(1).next()).value).toMatchObject({ epoch: 1, step: 0 });
    await source.close();
  });

  test("brings errors across with code, hint and cause, and goes on", async () => {
    const folder = await folderOf({
      "train/a/1.png": await encoded(patternImage(8, 8), "png"),
      "train/a/2.png": "damaged",
      "val/a/3.png": "damaged",
    });
    const dataset = await openDataset(folder, { split: "train" });
    const source = prefetch(dataset, { ...options, batchSize: 1, shuffle: false, augmentation: { crop: "none" } });
    const inThread = await createBatchLoader(dataset, { ...options, batchSize: 2 })
      .batch(0, 0)
      .catch((error) => error);
    for (const _ of [1, 2]) {
      const seen: number[] = [];
      const reading = (async () => {
        for await (const { step } of source.epoch(0)) seen.push(step);
      })();
      await expect(reading).rejects.toMatchObject({
        name: "InvalidDataError",
        code: "InvalidData",
        message: inThread.message,
        hint: "Replace or remove the file.",
        cause: expect.any(String),
      });
      expect(seen).toEqual([0]);
    }
    await source.close();
  });

  test("ends what is being read when it is closed", async () => {
    const source = prefetch(patternDataset(40), options);
    const batches = source.epoch(0);
    await batches.next();
    await Promise.all([source.close(), source.close()]);
    await expect(source.epoch(0).next()).rejects.toMatchObject({ code: "Aborted" });
  });

  test("rejects what it cannot do", () => {
    const { share: _, ...unshared } = patternDataset(9);
    expect(() => prefetch(unshared as Dataset, options)).toThrow(TypeError);
    expect(() => prefetch(patternDataset(9), { ...options, batchSize: 0 })).toThrow(RangeError);
    expect(() => prefetch(patternDataset(9), options, { ahead: 0 })).toThrow(RangeError);
  });
});
