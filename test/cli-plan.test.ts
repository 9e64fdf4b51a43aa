// `spinn profile` and `spinn plan` as a user meets them.

import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ProfileReport } from "../src/cli/commands/profile.ts";
import { openDataset } from "../src/data/index.ts";
import { describeNetwork } from "../src/engine/network-info.ts";
import { calibrate } from "../src/generator/calibrate.ts";
import { calibrationSplit } from "../src/generator/calibration-split.ts";
import { readModelFile, writeModelFile } from "../src/onnx/index.ts";
import type { Schedule } from "../src/scheduler/index.ts";
import { spinn, writeColourFolder } from "./spinn.ts";
import { toyProgressive } from "./toy.ts";

let folder = "";
let data = "";
let model = "";
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-plan-"));
  data = await writeColourFolder(folder, 30);
  model = file("toy.spinn.onnx");
  const { held } = calibrationSplit(await openDataset(data, { split: "test" }), 15);
  await writeModelFile(model, await calibrate(toyProgressive({ side: 32 }), held, { threads: 1 }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run<T>(...args: readonly string[]): Promise<T> {
  const { code, out, err } = await spinn(...args, "--json");
  expect(code, err.join("\n")).toBe(0);
  return JSON.parse(out) as T;
}

describe("spinn profile", () => {
  test("the profile goes into the model file, which stays the same network", async () => {
    const before = describeNetwork(await readModelFile(model));
    const out = file("profiled.spinn.onnx");
    const report = await run<ProfileReport>("profile", model, "--data", data, "--out", out);
    expect(report).toMatchObject({ images: 15 });
    expect(report.dataset).toMatch(/-calibration$/);
    expect(report.cuts[0]).toMatchObject({ id: "input", exitsBehind: 3 });
    const [raw, , , , few] = report.cuts[0]!.codecs;
    expect([raw!.codec, few!.codec]).toEqual(["float32", "rans/4"]);
    expect(raw!.bytes).toBeGreaterThan(4 * few!.bytes);
    const after = describeNetwork(await readModelFile(out));
    expect(after.modelHash).toEqual(before.modelHash);
    expect(after.profile!.record.images).toBe(15);
    expect(before.profile).toBeUndefined();
  });

  test("more images go on from fewer", async () => {
    const copy = file("copy.spinn.onnx");
    await copyFile(model, copy);
    expect(await run<ProfileReport>("profile", copy, "--data", data, "--images", "6")).toMatchObject({ images: 6 });
    const few = describeNetwork(await readModelFile(copy)).profile!;
    await run<ProfileReport>("profile", copy, "--data", data, "--images", "12");
    const more = describeNetwork(await readModelFile(copy)).profile!;
    expect(more.record.images).toBe(12);
    expect(more.record.confidences.subarray(0, few.record.confidences.length)).toEqual(few.record.confidences);
    // a table for people, and where it went
    const { out, err } = await spinn("profile", copy, "--data", data, "--images", "12");
    expect(out).toMatch(/relu1/);
    expect(err.join()).toContain(`wrote ${copy}`);
  });
});

describe("spinn plan", () => {
  const constraint = "accuracy >= 1%";

  test("one JSON document with the plan, what it delivers and what was excluded", async () => {
    const found = await run<Schedule>(
      ...["plan", model, "--link", "24mbps/40ms", "--device-load", "2", "--server-load", "1"],
      ...["--require", constraint, "--require", "latency.p95 <= 1us", "--prefer", "min server-cost"],
    );
    expect(Object.keys(found)).toEqual(expect.arrayContaining(["plan", "expected", "designs", "excluded", "relaxed"]));
    expect(found.plan.thresholds).toHaveLength(3);
    expect(found.expected).toMatchObject({ serverCost: 0, latency: { p95: expect.any(Number) } });
    expect(found.excluded.map((one) => one.constraint)).toEqual(["accuracy >= 0.01", "latency.p95 <= 0.001ms"]);
    expect(found.relaxed).toEqual([{ constraint: "latency.p95 <= 0.001ms", wanted: 0.001, got: expect.any(Number) }]);
  });

  test("loads, slowdowns and the link move it", async () => {
    const prefer = ["--prefer", "min latency.mean", "--threshold", "1"];
    const expected = async (...args: readonly string[]) =>
      (await run<Schedule>("plan", model, ...prefer, ...args)).expected;
    const [once, slow] = [await expected("--cut", "none"), await expected("--cut", "none", "--device-load", "50")];
    expect(slow.latency.mean / once.latency.mean).toBeGreaterThan(5);
    const far = await expected("--cut", "input", "--link", "1gbps/500ms");
    expect(far.latency.p50).toBeGreaterThan(500);
    const narrow = await expected("--cut", "input", "--link", "50kbps/1ms");
    expect(narrow.latency.mean).toBeGreaterThan(far.bytes / 50);
  });

  test("an explanation for people", async () => {
    const { code, out, err } = await spinn(
      "plan",
      model,
      "--require",
      constraint,
      "--explain",
      "--device-slowdown",
      "50",
    );
    expect(code).toBe(0);
    expect(out).toContain("the plan");
    expect(out).toContain("runner-up 1");
    expect(out).toMatch(/accuracy >= 0.01 excluded \d+/);
    expect(out).toMatch(
      /Chosen from \d+ designs for: max accuracy within 0.01, then min latency.mean; over 24mbps\/40ms/,
    );
    // the model has no profile
    expect(err.join()).toContain("spinn profile");
  });

  test.each([
    [["--require", "latenzy <= 60ms"], /column 1: There is no metric "latenzy"\. Did you mean latency\?/],
    [["--require", "latency.p95 <= 60"], /column 16: latency\.p95 needs a unit/],
    [["--prefer", "min speed"], /column 5/],
    [["--link", "24/40ms"], /character 3/],
    [["--cut", "nowhere"], /no cut "nowhere"/],
  ])("%s: the place is pointed at", async (args, complaint) => {
    const { code, out, err } = await spinn("plan", model, ...args);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toEqual([expect.stringMatching(complaint)]);
  });
});
