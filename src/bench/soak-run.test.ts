// A soak of seconds: real processes, faults at random, and every answer compared.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { colourImage, toyProgressive } from "../../test/toy.ts";
import { openNodeNetwork } from "../compute/index.ts";
import { packedDataset } from "../data/packed-dataset.ts";
import { trueAnswers } from "../evaluate/index.ts";
import { makeSamples, mixedDevices, noiseInputs, spreadCuts } from "../evaluate/load/index.ts";
import { collectLogits } from "../generator/collect-logits.ts";
import { writeModelFile } from "../onnx/index.ts";
import { soak } from "./soak-run.ts";

const [SIDE, IMAGES] = [8, 12];

test("a few seconds of faults: nothing lost, nothing wrong, both kinds of device answered", async () => {
  const folder = await mkdtemp(join(tmpdir(), "spinn-soak-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const model = toyProgressive();
  const path = join(folder, "toy.spinn.onnx");
  await writeModelFile(path, model);
  const bytes = new Uint8Array(new SharedArrayBuffer(IMAGES * SIDE * SIDE * 3));
  for (let i = 0; i < IMAGES; i++) bytes.set(colourImage(i % 3, SIDE, i), i * SIDE * SIDE * 3);
  const labels = Uint16Array.from({ length: IMAGES }, (_, i) => i % 3);
  const shape = { width: SIDE, height: SIDE, channels: 3 } as const;
  const dataset = packedDataset({ name: "colours", classes: ["blue", "green", "red"], ...shape, bytes, labels });
  const network = await openNodeNetwork(model);
  const { info } = network;
  const samples = await makeSamples(network, noiseInputs(info, 4, 1), spreadCuts(info, 3));
  await network.release();
  const devices = mixedDevices(info, samples, {
    devices: 4,
    seed: 1,
    thresholds: () => info.exits.map(() => 1),
    pace: { kind: "open", perSecond: 4 },
    deadlineMs: 5000,
  });
  const report = await soak({
    model: path,
    images: await Promise.all(Array.from({ length: IMAGES }, (_, i) => dataset.pixels(i))),
    expected: trueAnswers(info, await collectLogits(model, dataset)),
    load: { modelHash: info.modelHash, samples, devices },
    seconds: 12,
    fillS: 1,
    warmUpS: 1,
    seed: 2,
  });
  expect(report.load).toMatchObject({ lost: 0, wrong: 0 });
  expect(report.load.answered).toBeGreaterThan(0);
  for (const client of report.clients) expect(client).toMatchObject({ failed: 0, wrong: 0, problems: [] });
  expect(report.clients.map(({ answered }) => answered.server > 0)).toEqual([true, true]);
  expect(Object.values(report.faults).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(1);
  expect(Object.keys(report.memory)).toEqual(["server", "devices", "clients"]);
});
