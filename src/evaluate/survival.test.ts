// A real server, an emulated link and a client that is never restarted; the long form is `npm run bench -- link`.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { colourDataset, toyProgressive, unshared } from "../../test/toy.ts";
import { connect } from "../client/index.ts";
import { describeNetwork } from "../engine/index.ts";
import { collectLogits } from "../generator/collect-logits.ts";
import type { Pixels } from "../image/index.ts";
import { writeModelFile } from "../onnx/index.ts";
import { serve } from "../server/index.ts";
import { lies } from "./lies.ts";
import { startLyingServer } from "./lying-server.ts";
import { offloading, survive } from "./survival.ts";
import { type TrueAnswers, trueAnswers } from "./true-answers.ts";

let folder: string;
let model: string;
let images: Pixels[];
let expected: TrueAnswers;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-survival-"));
  model = join(folder, "toy.spinn.onnx");
  const network = toyProgressive();
  await writeModelFile(model, network);
  const dataset = unshared(colourDataset(30));
  images = await Promise.all(Array.from({ length: dataset.length }, (_, i) => dataset.pixels(i)));
  expected = trueAnswers(describeNetwork(network), await collectLogits(network, dataset));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("survive(): everything is answered in time and nothing wrong, whatever happens", async () => {
  // a deadline that a busy machine can keep: what is tested is that faults do not make answers late
  const options = { model, images, expected, inferences: 500, seed: 3, deadlineMs: 1000 };
  const report = await survive(options);
  expect(report).toMatchObject({ inferences: 500, answered: 500, late: 0, wrong: 0, problems: [] });
  expect(report.reconnects).toBeGreaterThan(0);
  expect(report.sources.device).toBeGreaterThan(0);
  expect(report.sources.server).toBeGreaterThan(30);
  expect(report.rssGrowth).toBeLessThan(1.5);
});

test("every lie is seen through: the device answers itself and finds the server again", async () => {
  const server = await serve({ models: [model], port: 0, workers: 1 });
  const liar = await startLyingServer(server.url, 1);
  const client = await connect({
    model,
    server: `ws://127.0.0.1:${liar.port}`,
    plan: { cut: "none" },
    link: { backoff: { firstMs: 20, mostMs: 100 } },
  });
  try {
    const { cut, thresholds } = offloading(client.network);
    await client.setPlan({ cut, threshold: thresholds, codec: "float32" });
    for (const [i, lie] of lies.entries()) {
      await expect.poll(() => client.link.connected, { timeout: 20_000, interval: 5 }).toBe(true);
      const { connections } = client.stats();
      liar.lie(lie);
      const image = i % images.length;
      const result = await client.infer(images[image]!);
      expect([lie, expected.whatIsWrong(image, thresholds, result)]).toEqual([lie, undefined]);
      // what is told twice is true the first time
      expect([lie, result.source]).toEqual([lie, lie === "told twice" ? "server" : "device"]);
      await expect.poll(() => client.stats().connections, { timeout: 20_000, interval: 5 }).toBe(connections + 1);
    }
    expect(liar.told).toBe(lies.length);
  } finally {
    await client.close();
    await liar.close();
    await server.close();
  }
});
