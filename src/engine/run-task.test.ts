// A task run in slices, on one machine or two, decides as the exit rule does on the unsplit network.

import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encoded } from "../../test/data/fixtures.ts";
import { randomFeeds } from "../../test/run-model.ts";
import { colourImage, toyProgressive } from "../../test/toy.ts";
import { encodePacket, encodeTensor } from "../codec/index.ts";
import { decodeImage } from "../data/decode-image.ts";
import { SpinnError } from "../errors.ts";
import { preprocess } from "../image/preprocess.ts";
import { answerOf } from "../progressive/confidence.ts";
import { decide } from "../progressive/exit-policy.ts";
import { createSession, type Session } from "../runtime/index.ts";
import type { ExitAnswer } from "../wire/message.ts";
import { checkTask } from "./check-task.ts";
import type { Task } from "./compute.ts";
import { openSlicedNetwork } from "./open-sliced-network.ts";
import { resumeTask, runTask, type TaskControl } from "./run-task.ts";
import type { SlicedNetwork } from "./sliced-network.ts";

const model = toyProgressive({ seed: 3 });
const temperatures = [0.4, 1.7, 0.8];
const float32 = { codec: "float32" } as const;
const never = [2, 2, 2];

let network: SlicedNetwork;
let whole: Session;

beforeAll(async () => {
  const plain = await openSlicedNetwork(model, { createSession });
  const exits = plain.info.exits.map((exit, i) => ({ ...exit, temperature: temperatures[i]! }));
  network = {
    info: { ...plain.info, exits },
    run: (state, step, portable) => plain.run(state, step, portable),
    prepare: (steps) => plain.prepare(steps),
    release: () => plain.release(),
  };
  whole = await createSession(model);
});
afterAll(async () => {
  await network.release();
  await whole.release();
});

const control: TaskControl = { now: () => performance.now() };
const inputOf = (seed: number): Float32Array => {
  const [feed] = Object.values(randomFeeds(model, { seed }));
  return feed!.data as Float32Array;
};

/** What every exit of the unsplit network says. */
async function answersOf(seed: number): Promise<ExitAnswer[]> {
  const outputs = await whole.run(randomFeeds(model, { seed }));
  return network.info.exits.map(({ output, temperature }, exit) => {
    const { prediction: label, confidence } = answerOf(outputs[output]!.data as Float32Array, temperature);
    return { exit, label, confidence };
  });
}

const start = (seed: number): Task["start"] => ({ kind: "input", values: inputOf(seed) });

test("property: any cut and any thresholds, on two machines: the decision of the exit rule on the unsplit network", async () => {
  const cut = fc.integer({ min: 0, max: network.info.cuts.length - 1 });
  const thresholds = fc.array(fc.double({ min: 0.3, max: 1.05, noNaN: true }), { minLength: 3, maxLength: 3 });
  const seen = { confident: 0, offered: 0, device: 0, early: 0 };
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 500 }), cut, thresholds, async (seed, index, limits) => {
      const expected = await answersOf(seed);
      // sums in slices may differ in their last bits
      fc.pre(expected.every(({ confidence }, i) => Math.abs(confidence - limits[i]!) > 1e-4));
      const asked = expected.map(({ confidence }, i) => (limits[i]! > 1 && i < 2 ? Number.NaN : confidence));
      const { exit, reached } = decide(asked, limits);
      const { id, exitsBefore } = network.info.cuts[index]!;

      const device = await runTask(
        network,
        { start: start(seed), cut: id, thresholds: limits, coding: float32, wantsLogits: true },
        control,
      );
      const confident = asked[reached]! >= Math.fround(limits[reached]!);
      const onDevice = id === "none" || (confident && reached < exitsBefore);
      expect(device.kind).toBe(onDevice ? "answered" : "paused");
      const outcome =
        device.kind === "answered"
          ? device
          : await runTask(
              network,
              {
                start: { kind: "packet", cut: id, bytes: device.packet },
                cut: "none",
                thresholds: limits,
                wantsLogits: true,
                ...(device.best && { best: device.best }),
              },
              control,
            );
      if (outcome.kind !== "answered") throw new Error("not at the end");
      expect(outcome.answer).toEqual({ ...expected[exit]!, confidence: expect.closeTo(expected[exit]!.confidence, 5) });
      expect(outcome.confident).toBe(confident);
      // an exit of the device's that the server falls back on is without logits there
      const isDevices = device.kind === "paused" && exit < exitsBefore;
      expect(outcome.logits?.length).toBe(isDevices ? undefined : 3);
      seen.confident += Number(confident);
      seen.offered += Number(device.kind === "paused");
      seen.device += Number(isDevices);
      seen.early += Number(exit < 2);
      if (device.kind === "paused") {
        const resumed = await resumeTask(network, device.progress, control);
        expect(resumed.answer).toEqual({ ...outcome.answer, confidence: expect.closeTo(outcome.answer.confidence, 5) });
        expect(resumed.logits?.length).toBe(3);
      }
    }),
    { numRuns: 150, seed: 7 },
  );
  // the property has seen what it speaks of
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(5);
});

test("times: a slice for each step, unpacking and packing, all slowed down", async () => {
  let clock = 0;
  const slowed: TaskControl = {
    now: () => ++clock,
    async perform(_what, work) {
      clock += 10;
      return { value: await work(), ms: 11 };
    },
  };
  const outcome = await runTask(network, { start: start(1), cut: "relu3", thresholds: [2, 2, 2] }, slowed);
  const slices = [{ from: "input", to: "relu3", ms: 11 }];
  expect(outcome.times).toEqual({ slices, unpackMs: 11, packMs: 11 });
  const all = await runTask(network, { start: start(1), cut: "none", thresholds: [1, 1, 1] }, slowed);
  expect(all.times.slices.map(({ from }) => from)).toEqual([
    "input",
    ...network.info.exits.slice(0, 2).map((e) => e.at),
  ]);
});

test("a slice's record tells what the exit at its end said, whatever comes of it", async () => {
  for (const thresholds of [
    [1, 1, 1],
    [0, 1, 1],
    [1, 2, 1],
  ]) {
    const answers = await answersOf(5);
    const { times } = await runTask(network, { start: start(5), cut: "none", thresholds }, control);
    const asked = answers.filter(({ exit }) => thresholds[exit]! <= 1);
    const last = asked.findIndex(({ exit }) => thresholds[exit] === 0);
    expect(times.slices.map(({ exit }) => exit)).toEqual(
      (last < 0 ? asked : asked.slice(0, last + 1)).map(({ confidence, ...said }) => ({
        ...said,
        confidence: expect.closeTo(confidence, 5),
      })),
    );
  }
});

test("the best exit so far is told, unless a better one was known", async () => {
  const answers = await answersOf(5);
  const told: ExitAnswer[] = [];
  const onBest = (best: ExitAnswer): void => void told.push(best);
  const task = { cut: "none", thresholds: [1, 1, 1] };
  await runTask(network, { ...task, start: start(5) }, { ...control, onBest });
  const better = answers.filter(({ confidence }, i) => answers.slice(0, i).every((a) => confidence >= a.confidence));
  expect(told.map(({ exit }) => exit)).toEqual(better.map(({ exit }) => exit));

  told.length = 0;
  const device = await runTask(network, { ...task, start: start(5), cut: "relu3" }, control);
  if (device.kind !== "paused") throw new Error("nobody is to be that confident");
  const best = { exit: 0, label: 2, confidence: 1 };
  const from = { start: { kind: "packet", cut: "relu3", bytes: device.packet }, best } as const;
  const outcome = await runTask(network, { ...task, ...from, thresholds: never }, { ...control, onBest });
  expect(outcome).toMatchObject({ kind: "answered", answer: best, confident: false });
  expect(told).toEqual([]);
});

test("a checkpoint before each slice can end the task", async () => {
  let asked = 0;
  const checkpoint = async (): Promise<void> => {
    if (++asked === 2) throw new SpinnError("Aborted", "enough");
  };
  const ran = runTask(network, { start: start(1), cut: "none", thresholds: [1, 1, 1] }, { ...control, checkpoint });
  await expect(ran).rejects.toMatchObject({ code: "Aborted" });
  expect(asked).toBe(2);
});

test("an image is decoded and prepared as the network wants it; one that cannot be is a bad frame", async () => {
  const pixels = { width: 8, height: 8, data: colourImage(1, 8, 1) };
  const bytes = await encoded(pixels, "png");
  const decoding: TaskControl = { ...control, decodeImage: (image) => decodeImage(image, "The image") };
  const task = { cut: "none", thresholds: never, wantsLogits: true };
  const values = preprocess(pixels, network.info.preprocessing!);
  const expected = await runTask(network, { ...task, start: { kind: "input", values } }, control);
  const outcome = await runTask(network, { ...task, start: { kind: "image", bytes } }, decoding);
  expect(outcome).toMatchObject({ answer: (expected as { answer: ExitAnswer }).answer });

  const broken = { ...task, start: { kind: "image", bytes: bytes.subarray(0, 40) } } as const;
  await expect(runTask(network, broken, decoding)).rejects.toMatchObject({ code: "InvalidFrame" });
  await expect(runTask(network, broken, control)).rejects.toMatchObject({ code: "UnsupportedModel" });
});

test("a network that gives no numbers fails, unless there is an exit to fall back on", async () => {
  const values = inputOf(1).fill(Number.NaN);
  const task = { start: { kind: "input", values }, cut: "none", thresholds: [0, 0, 0] } as const;
  await expect(runTask(network, task, control)).rejects.toMatchObject({ code: "Runtime" });
  await expect(runTask(network, { ...task, cut: "relu3" }, control)).rejects.toMatchObject({ code: "Runtime" });
  const best = { exit: 0, label: 2, confidence: 0.4 };
  expect(await runTask(network, { ...task, best }, control)).toMatchObject({ answer: best, confident: false });
});

test("values from another machine that overflow on the way are that machine's fault", async () => {
  const { modelHash, input } = network.info;
  const huge = { ...input, values: inputOf(1).map((_, i) => (i % 2 ? 3e38 : -3e38)) };
  const bytes = encodePacket({ modelHash, cut: "input", tensors: [encodeTensor(huge, { codec: "float32" })] });
  const task = { start: { kind: "packet", cut: "input", bytes }, cut: "none", thresholds: [0, 0, 0] } as const;
  await expect(runTask(network, task, control)).rejects.toMatchObject({ code: "InvalidFrame" });
});

test("checkTask() refuses what does not fit the network", () => {
  const { info } = network;
  const good: Task = { start: start(1), cut: "relu3", thresholds: never };
  const packet = (cut: string): Task["start"] => ({ kind: "packet", cut, bytes: new Uint8Array(0) });
  const best = { exit: 0, label: 2, confidence: 0.4 };
  checkTask(info, good);
  checkTask(info, { ...good, start: packet("relu2"), best, coding: { codec: "rans", bits: 4 } });
  const bad: Partial<Task>[] = [
    { cut: "relu9" },
    { thresholds: [1] },
    { thresholds: [0.5, -0.1, 1] },
    { thresholds: [0.5, Number.NaN, 1] },
    { start: packet("relu9") },
    { start: packet("none"), cut: "none" },
    { start: packet("relu4") },
    { start: { kind: "input", values: new Float32Array(5) } },
    { best },
    { start: packet("relu2"), best: { ...best, exit: 2 } },
    { start: packet("relu2"), best: { ...best, label: 3 } },
    { start: packet("relu2"), best: { ...best, confidence: 1.1 } },
    { coding: { codec: "lz4", bits: 9 } },
    { coding: { codec: "zip" as "lz4" } },
  ];
  for (const change of bad)
    expect(() => checkTask(info, { ...good, ...change }), JSON.stringify(change)).toThrow(RangeError);
});
