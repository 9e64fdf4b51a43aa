import { afterAll, beforeAll, expect, test } from "vitest";
import { type InProcessCompute, openInProcessCompute } from "../../test/in-process-compute.ts";
import { toyProgressive } from "../../test/toy.ts";
import { measureCuts, spreadCuts } from "./measure-cuts.ts";

let compute: InProcessCompute;
beforeAll(async () => {
  compute = await openInProcessCompute(toyProgressive());
});
afterAll(() => compute.close());

test("a profile has rising times, exits among them, and what each codec makes of the tensors", async () => {
  const { cuts, exitMs } = await measureCuts(compute);
  expect(cuts.map(({ id }) => id)).toEqual([...spreadCuts(compute.network), "none"]);
  expect(exitMs).toHaveLength(3);
  expect(exitMs).toEqual([...exitMs].sort((a, b) => a - b));
  expect(exitMs[0]).toBeGreaterThan(0);
  for (const { id, codecs, deviceMs, exitsBefore } of cuts) {
    expect(exitsBefore).toBe(compute.network.cuts.find((cut) => cut.id === id)!.exitsBefore);
    expect(codecs.map(({ codec }) => codec)).toEqual(id === "none" ? [] : ["packed", "lz4", "rans"]);
    expect(deviceMs > 0).toBe(id !== "input");
    for (const { bytes } of codecs) expect(bytes).toBeGreaterThan(0);
  }
  expect(compute.pending).toBe(0);
});

test("only what may be chosen is measured, and not for longer than allowed", async () => {
  const one = await measureCuts(compute, { cuts: ["relu3"], codecs: ["float32"] });
  expect(one.cuts.map(({ id }) => id)).toEqual(["relu3", "none"]);
  expect(one.cuts[0]!.codecs).toMatchObject([{ codec: "float32", bits: 32 }]);
  const short = await measureCuts(compute, { budgetMs: 0 });
  expect(short.cuts.map(({ id }) => id)).toEqual(["input", "none"]);
});

test("an exit that is certain of the example does not hide those behind it", async () => {
  // Threshold 0 makes the first exit as sure as it can be.
  const certain = await openInProcessCompute(toyProgressive());
  const start = certain.start.bind(certain);
  certain.start = (task, ...rest) =>
    start(
      { ...task, thresholds: task.thresholds.map((threshold, i) => (i === 0 && threshold <= 1 ? 0 : threshold)) },
      ...rest,
    );
  const { exitMs, cuts } = await measureCuts(certain);
  expect(exitMs[2]).toBeGreaterThan(exitMs[0]!);
  expect(cuts.at(-2)!.codecs).toHaveLength(3);
  await certain.close();
});
