// The command line from end to end: a folder of images becomes a trained network, which is inspected, evaluated, and
// whose plain part is given exits again.

import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Inspection } from "../src/cli/commands/inspect.ts";
import type { Evaluation } from "../src/generator/index.ts";
import { edit, type ModelProto, readModelFile, removeDead, writeModelFile } from "../src/onnx/index.ts";
import { readMetadata } from "../src/progressive/index.ts";
import { createSession } from "../src/runtime/index.ts";
import { float32 } from "../src/tensor.ts";
import { randomFeeds, runWith } from "./run-model.ts";
import { type Outcome, spinn, startSpinn, writeColourFolder } from "./spinn.ts";
import { colours } from "./toy.ts";

let folder = "";
let data = "";
let trainedPath = "";
let training: Outcome;
const file = (name: string): string => join(folder, name);

/** Small enough for a test: 60 images, 6 of them held out, in batches of 9. */
const small = ["--batch-size", "9", "--micro-batch", "9", "--workers", "1"];
const narrow = ["--arch", "resnet14", "--width", "4", "--head", "sdn", "--optimizer", "adam", "--lr", "0.01"];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-cli-"));
  data = await writeColourFolder(folder);
  trainedPath = file("trained.spinn.onnx");
  const out = ["--out", trainedPath, "--log", file("log.jsonl")];
  training = await spinn("train", ...narrow, "--data", data, ...out, ...small, "--epochs", "4", "--average-decay", "0");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The network without its exits and without metadata, as somebody else would have exported it. */
async function plainPart(): Promise<ModelProto> {
  const model = await readModelFile(trainedPath);
  const graph = model.graph!;
  const final = readMetadata(model)!.final;
  const output = graph.output.filter((o) => o.name === final);
  return removeDead(edit(model, { metadataProps: [], graph: edit(graph, { output }) }));
}

describe("spinn train", () => {
  test("says on standard error what it does, writes the model, and leaves nothing else", async () => {
    expect(training).toMatchObject({ code: 0, out: "" });
    expect(training.err[0]).toBe("Training resnet14 with 6 exits on 54 images of colours/train");
    expect(training.err.filter((line) => /^epoch \d\/4 {2}.* loss( \d\.\d{3}){7} {2}right/.test(line))).toHaveLength(4);
    expect(training.err.at(-2)).toBe("Calibrating on 6 images held out of colours/train");
    expect(training.err.at(-1)).toMatch(/^Wrote .*trained\.spinn\.onnx after \d+ s$/);
    expect((await readdir(folder)).filter((name) => name.startsWith("trained"))).toEqual(["trained.spinn.onnx"]);
    const log = (await readFile(file("log.jsonl"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(log.map((record) => record.epoch)).toEqual([1, 2, 3, 4]);
    expect(log[3].heldOutTop1).toHaveLength(7);
  });

  test("the file is plain ONNX: seven outputs, no operator but the standard's, readable metadata", async () => {
    const bytes = await readFile(trainedPath);
    const session = await createSession(bytes);
    expect(session.outputNames).toEqual([1, 2, 3, 4, 5, 6].map((i) => `exit${i}_logits`).concat("logits"));
    const results = await session.run({ input: float32(new Float32Array(2 * 3072).fill(0.5), [2, 3, 32, 32]) });
    for (const { dims, data: logits } of Object.values(results)) {
      expect(dims).toEqual([2, 3]);
      expect([...(logits as Float32Array)].every(Number.isFinite)).toBe(true);
    }
    await session.release();

    const model = await readModelFile(trainedPath);
    expect(new Set(model.graph!.node.map((n) => n.domain))).toEqual(new Set([""]));
    expect(model.opsetImport.map((o) => o.domain)).toEqual([""]);
    const metadata = readMetadata(model)!;
    expect(metadata).toMatchObject({ final: "logits", labels: colours, preprocessing: { width: 32, height: 32 } });
    expect(metadata.exits.map((e) => e.wanted)).toEqual([0.15, 0.3, 0.45, 0.6, 0.75, 0.9]);
    expect(metadata.calibration).toMatchObject({ dataset: "colours/train-held", images: 6 });
  });
});

describe("spinn inspect", () => {
  test("--json is one document of the agreed form, alone on standard output", async () => {
    const { process: child, ended } = startSpinn(["inspect", trainedPath, "--json"]);
    expect(child.pid).toBeGreaterThan(0);
    const { code, out, err } = await ended;
    expect({ code, err }).toEqual({ code: 0, err: [] });
    const found = JSON.parse(out) as Inspection;
    expect(out).toBe(`${JSON.stringify(found)}\n`);
    expect(found.model).toBe("trained.spinn.onnx");
    expect(found.nodes.reduce((sum, node) => sum + node.macs, 0)).toBe(found.macs);
    for (const node of found.nodes) expect(Object.keys(node)).toEqual(["name", "op", "outputShape", "macs"]);
    expect(found.nodes[0]).toEqual({ name: "conv1", op: "Conv", outputShape: [1, 4, 32, 32], macs: 1024 * 27 * 4 });

    expect(found.exits.map((e) => e.name)).toEqual([1, 2, 3, 4, 5, 6].map((i) => `exit${i}`));
    for (const exit of found.exits) expect(Object.keys(exit)).toEqual(["name", "at", "flopsFraction", "headMacs"]);
    const fractions = found.exits.map((e) => e.flopsFraction);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBeLessThan(1);

    expect(found.cuts.length).toBeGreaterThan(6);
    for (const cut of found.cuts) {
      expect(cut).toMatchObject({ id: expect.any(String), tensors: expect.any(Array), bytes: expect.any(Number) });
      const values = cut.tensors.map((t) => t.shape.reduce((a, b) => a * b)).reduce((a, b) => a + b, 0);
      expect(cut.bytes).toBe(4 * values);
    }
    const ids = found.cuts.map((c) => c.id);
    expect([ids[0], ids.at(-1), new Set(ids).size]).toEqual(["input", "none", ids.length]);
  });

  test("without --json it is three tables", async () => {
    const { code, out, err } = await spinn("inspect", trainedPath);
    expect({ code, err }).toEqual({ code: 0, err: [] });
    expect(out).toMatch(/^trained\.spinn\.onnx: \d+ nodes, \d+\.\d\d M multiply-adds an image\n/);
    for (const heading of ["layer", "exit", "cut after"]) expect(out).toMatch(new RegExp(`^${heading} {2}`, "m"));
    expect(out).toMatch(/^conv1 +Conv +1x4x32x32 +0\.11 M/m);
    expect(out.match(/^exit[1-6] {2}/gm)).toHaveLength(6);
    // of the trunk: at a cut, heads are nobody's
    expect(out).toMatch(/^input +0\.0 %/m);
    expect(out).toMatch(/^none +100\.0 %/m);
  });

  test("--cuts any finds more cuts than behind ReLUs; a plain network has no exits", async () => {
    await writeModelFile(file("plain-inspect.onnx"), await plainPart());
    const cuts = async (...options: string[]): Promise<Inspection> =>
      JSON.parse((await spinn("inspect", file("plain-inspect.onnx"), "--json", ...options)).out);
    const [relu, any] = [await cuts(), await cuts("--cuts", "any")];
    expect(any.cuts.length).toBeGreaterThan(relu.cuts.length);
    expect(relu.exits).toEqual([]);
  });
});

describe("spinn eval", () => {
  test("--json is one document of the agreed form, and the network has learnt", async () => {
    const { code, out, err } = await spinn("eval", trainedPath, "--data", data, "--json");
    expect({ code, err }).toEqual({ code: 0, err: [] });
    const found = JSON.parse(out) as Evaluation;
    expect(out).toBe(`${JSON.stringify(found)}\n`);
    expect(Object.keys(found)).toEqual(["model", "dataset", "images", "exits", "thresholds"]);
    expect(found).toMatchObject({ model: "trained.spinn.onnx", dataset: "colours/test", images: 15 });
    expect(found.exits.map((e) => e.name)).toEqual([1, 2, 3, 4, 5, 6].map((i) => `exit${i}`).concat("final"));
    expect(found.exits.at(-1)).toEqual({ name: "final", flopsFraction: 1, top1: expect.any(Number) });
    expect(Math.max(...found.exits.map((e) => e.top1))).toBeGreaterThan(0.6);
    expect(found.thresholds.map((t) => t.threshold)).toEqual([0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1]);
    for (const threshold of found.thresholds) {
      expect(Object.keys(threshold)).toEqual(["threshold", "top1", "exitRates", "meanFlopsFraction"]);
      expect(threshold.exitRates).toHaveLength(7);
      expect(threshold.exitRates.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
    }
    const costs = found.thresholds.map((t) => t.meanFlopsFraction);
    expect(costs).toEqual([...costs].sort((a, b) => a - b));
  });

  test("tables for people, a picture on request, --limit images", async () => {
    const plot = file("plot.svg");
    const { code, out, err } = await spinn("eval", trainedPath, "--data", data, "--limit", "4", "--plot", plot);
    expect({ code, err }).toEqual({ code: 0, err: [`Drew ${plot}`] });
    expect(out).toMatch(/^trained\.spinn\.onnx on 4 images of colours\/test\n/);
    expect(out).toMatch(/^threshold {2}/m);
    expect(await readFile(plot, "utf8")).toMatch(/^<svg[\s\S]*<\/svg>\s*$/);
  });
});

describe("spinn build", () => {
  test("gives a plain network exits: trunk to the bit, calibrated on images that eval then leaves out", async () => {
    const plain = await plainPart();
    await writeModelFile(file("plain.onnx"), plain);
    const out = file("built.spinn.onnx");
    const options = ["--preprocessing", "cifar", "--epochs", "1", "--head", "linear", "--calibration-images", "6"];
    const built = await spinn("build", file("plain.onnx"), "--data", data, "--out", out, ...options, ...small);
    expect(built).toMatchObject({ code: 0, out: "" });
    expect(built.err[0]).toBe("Training 6 heads on 60 images of colours/train");
    expect(await stat(`${out}.checkpoint`).catch(() => "gone")).toBe("gone");

    const model = await readModelFile(out);
    const feeds = randomFeeds(plain, { batch: 3 });
    const [before, after] = [await runWith(plain, feeds), await runWith(model, feeds)];
    expect(Object.keys(after)).toHaveLength(7);
    expect(after.logits).toEqual(before.logits);
    expect(readMetadata(model)).toMatchObject({
      labels: colours,
      calibration: { dataset: "colours/test-calibration", images: 6 },
    });

    const left = await spinn("eval", out, "--data", data, "--json");
    expect(left.err).toEqual([
      "Leaving out the 6 images of colours/test that the exits were calibrated on (--all-images keeps them)",
    ]);
    expect(JSON.parse(left.out)).toMatchObject({ images: 9 });
    const all = await spinn("eval", out, "--data", data, "--json", "--all-images");
    expect(all.err).toEqual([]);
    expect(JSON.parse(all.out)).toMatchObject({ images: 15 });
  });

  test("finds the preprocessing by itself, and takes labels from a file", async () => {
    await writeModelFile(file("plain.onnx"), await plainPart());
    await writeFile(file("labels.txt"), "Blau\nGrün\nRot\n");
    const out = file("named.spinn.onnx");
    const options = ["--labels", file("labels.txt"), "--epochs", "1", "--head", "linear", "--fractions", "0.3,0.7"];
    const built = await spinn("build", file("plain.onnx"), "--data", data, "--out", out, ...options, ...small);
    expect(built).toMatchObject({ code: 0, out: "" });
    expect(built.err[0]).toBe("Trying the known ways of preprocessing");
    expect(built.err[1]).toMatch(
      /^Preprocessing as "cifar": \d+\.\d % right on 3 images of colours\/test-calibration$/,
    );
    const metadata = readMetadata(await readModelFile(out))!;
    expect(metadata.labels).toEqual(["Blau", "Grün", "Rot"]);
    expect(metadata.exits.map((e) => e.wanted)).toEqual([0.3, 0.7]);
  });
});

describe("help", () => {
  test("spinn --help lists the commands on standard output", async () => {
    const { code, out, err } = await startSpinn(["--help"]).ended;
    expect({ code, err }).toEqual({ code: 0, err: [] });
    for (const name of ["build", "train", "inspect", "eval", "demo"])
      expect(out).toMatch(new RegExp(`^ {2}${name} `, "m"));
  });

  test.each([
    [
      "build",
      ["--data", "--out", "--epochs", "--preprocessing", "--labels", "--calibration-images", "--resume", "--seed"],
    ],
    [
      "train",
      ["--arch", "--data", "--out", "--width", "--epochs", "--optimizer", "--checkpoint", "--resume", "--restart"],
    ],
    ["inspect", ["--cuts", "--json"]],
    ["eval", ["--data", "--split", "--limit", "--plot", "--all-images", "--json"]],
    ["demo", ["--images", "--threshold", "--open", "--json"]],
  ])("spinn %s --help explains its options", async (name, options) => {
    const { code, out, err } = await spinn(name, "--help");
    expect({ code, err }).toEqual({ code: 0, err: [] });
    expect(out).toMatch(new RegExp(`^Usage: spinn ${name} `));
    for (const option of options) expect(out).toMatch(new RegExp(`^ {2}${option}[ ,]`, "m"));
  });

  test("spinn alone fails, with the help on standard error", async () => {
    const { code, out, err } = await spinn();
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err[0]).toBe("Usage: spinn [options] [command]");
  });
});
