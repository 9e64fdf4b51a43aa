// Files: round trips of real networks, external data and its traps, nothing half-written.

import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { needRealModels, REAL_MODELS, realModelPath } from "../../test/real-models.ts";
import { runModel } from "../../test/run-model.ts";
import { createRng } from "../random.ts";
import { GraphBuilder } from "./builder.ts";
import { decodeModel, encodeModel } from "./codec.ts";
import { readModelFile, writeModelFile } from "./file.ts";
import { DataLocation, edit, externalEntries, type ModelProto } from "./proto.ts";

let root = "";
let folder = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "spinn-file-"));
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(async () => {
  folder = await mkdtemp(join(root, "t"));
});

/** A model with one large weight `w` (2 000 values) and a small one. */
function linear(): ModelProto {
  const g = new GraphBuilder();
  const rng = createRng(7);
  const x = g.input("x", [1, 50], undefined, ["N", 50]);
  const w = g.parameter("w", Float32Array.from({ length: 2000 }, rng), [50, 40]);
  g.output(g.op("Gemm", [x, w, g.parameter("b", new Float32Array(40).fill(1), [40])], {}, "y"), ["N", 40]);
  return g.build("linear");
}

const run = (model: ModelProto) => runModel(model, { batch: 2 });

test.for(REAL_MODELS)("%s: read, write, read, run gives the same bytes and the same results", async (name, ctx) => {
  needRealModels(ctx.skip);
  const original = realModelPath(name);
  const copy = join(folder, "copy.onnx");
  const model = await readModelFile(original);
  await writeModelFile(copy, model);
  expect((await readFile(copy)).equals(await readFile(original))).toBe(true);
  expect(await run(await readModelFile(copy))).toEqual(await run(model));
});

test.for(REAL_MODELS)("%s with external data runs bit-identically", async (name, ctx) => {
  needRealModels(ctx.skip);
  const path = join(folder, "model.onnx");
  const model = await readModelFile(realModelPath(name));
  await writeModelFile(path, model, { externalData: true });
  expect((await readFile(path)).length).toBeLessThan(encodeModel(model).length / 10);
  const back = await readModelFile(path);
  expect(back.graph!.initializer.every((t) => t.dataLocation === DataLocation.DEFAULT)).toBe(true);
  expect(await run(back)).toEqual(await run(model));
});

test("what our schema does not know survives a round trip", async () => {
  // Field 1000 of ModelProto, a string "new": (1000 << 3 | 2) as varint, length, bytes.
  const bytes = Buffer.concat([encodeModel(linear()), Buffer.from([0xc2, 0x3e, 3, 0x6e, 0x65, 0x77])]);
  const path = join(folder, "future.onnx");
  await writeFile(path, bytes);
  await writeModelFile(path, await readModelFile(path));
  expect((await readFile(path)).equals(bytes)).toBe(true);
});

test("external tensors lie at page borders, and writing again brings them back in", async () => {
  const path = join(folder, "m.onnx");
  await writeModelFile(path, linear(), { externalData: true });
  expect((await readdir(folder)).sort()).toEqual(["m.onnx", "m.onnx.data"]);
  expect((await readFile(`${path}.data`)).length).toBe(8000);
  await writeModelFile(join(folder, "inline.onnx"), await readModelFile(path));
  await rm(`${path}.data`);
  expect(await run(await readModelFile(join(folder, "inline.onnx")))).toEqual(await run(linear()));
});

/** Writes `linear()` with external data, its references changed. */
async function withReference(change: Record<string, string>): Promise<string> {
  const path = join(folder, "m.onnx");
  const outer = join(folder, "m");
  await mkdir(outer);
  await writeModelFile(path, linear(), { externalData: true });
  const model = decodeModel(await readFile(path));
  const w = model.graph!.initializer.find((t) => t.dataLocation === DataLocation.EXTERNAL)!;
  for (const entry of w.externalData) entry.value = change[entry.key] ?? entry.value;
  await writeFile(join(outer, "m.onnx"), encodeModel(model));
  await writeFile(join(outer, "m.onnx.data"), await readFile(`${path}.data`));
  await symlink(`${path}.data`, join(outer, "link.data"));
  return join(outer, "m.onnx");
}

test.for([
  [{ location: "../m.onnx.data" }, "InvalidModel", /"w" points outside the model's folder/],
  [{ location: "/etc/hostname" }, "InvalidModel", /outside/],
  [{ location: "C:\\data" }, "InvalidModel", /outside/],
  [{ location: "x/../../m.onnx.data" }, "InvalidModel", /outside/],
  [{ location: "." }, "InvalidModel", /outside/],
  [{ location: "" }, "InvalidModel", /outside/],
  [{ location: "link.data" }, "InvalidModel", /outside.*Replace the link/],
  [{ location: "gone.data" }, "FileAccess", /"w" lies in .*gone\.data, which cannot be read\. Put/],
  [{ offset: "8" }, "InvalidModel", /"w" wants bytes 8 to 8008 of "m\.onnx\.data", which has 8000/],
  [{ offset: "99999999999999999999" }, "InvalidModel", /offset "99999999999999999999"/],
  [{ offset: "-4" }, "InvalidModel", /offset "-4"/],
  [{ length: "0x10" }, "InvalidModel", /length "0x10"/],
  [{ length: "400" }, "InvalidModel", /"w" holds 100 values, its shape wants 2000/],
] as const)("external reference %j is refused", async ([change, code, message]) => {
  const path = await withReference(change);
  await expect(readModelFile(path)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  await expect(readModelFile(path)).rejects.toMatchObject({ message: expect.stringContaining(`${path}: `) });
});

test("overlapping references cannot multiply a small file", async () => {
  const path = join(folder, "m.onnx");
  await writeModelFile(path, linear(), { externalData: true });
  const stub = decodeModel(await readFile(path));
  const w = stub.graph!.initializer.find((t) => t.name === "w")!;
  const at = (name: string, offset: number) =>
    edit(w, { name, dims: [1000n], externalData: externalEntries({ location: "m.onnx.data", offset, length: 4000 }) });
  stub.graph!.initializer.push(at("v0", 0), at("v1", 4), at("v2", 8));
  await writeFile(path, encodeModel(stub));
  await expect(readModelFile(path)).rejects.toMatchObject({ message: expect.stringMatching(/"v\d" overlaps/) });
});

test("files that are no models say what they are", async () => {
  const put = async (name: string, bytes: Uint8Array | string): Promise<string> => {
    await writeFile(join(folder, name), bytes);
    return join(folder, name);
  };
  const whole = await put("whole.onnx", encodeModel(linear()));
  const cut = await put("cut.onnx", encodeModel(linear()));
  await truncate(cut, 5000);
  execFileSync("mkfifo", [join(folder, "pipe")]);
  const cases: [path: string, code: string, message: RegExp][] = [
    [join(folder, "gone.onnx"), "FileAccess", /gone\.onnx does not exist\. Check the path/],
    [folder, "FileAccess", /is a folder/],
    [join(whole, "x.onnx"), "FileAccess", /cannot be read/],
    [join(folder, "pipe"), "FileAccess", /is not a file/],
    [await put("empty.onnx", ""), "InvalidModel", /is empty/],
    [await put("text.onnx", "hello, I am no model"), "InvalidModel", /text\.onnx: The bytes are not an ONNX model/],
    [cut, "InvalidModel", /cut\.onnx: .*cut short/],
  ];
  for (const [path, code, message] of cases) {
    await expect(readModelFile(path)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  }
});

test("a write that fails leaves the old file and no other", async () => {
  const path = join(folder, "m.onnx");
  await writeModelFile(path, linear());
  const before = await readFile(path);
  // The model cannot be written because its data file's place is taken by a folder.
  await mkdir(join(folder, "m.onnx.data"));
  await expect(writeModelFile(path, linear(), { externalData: true })).rejects.toMatchObject({
    code: "FileAccess",
    message: expect.stringMatching(/Cannot write .*m\.onnx\.data/),
  });
  expect(await readFile(path)).toEqual(before);
  expect((await readdir(folder)).sort()).toEqual(["m.onnx", "m.onnx.data"]);
  await expect(writeModelFile(join(folder, "none", "m.onnx"), linear())).rejects.toMatchObject({
    message: expect.stringMatching(/Create its folder first/),
  });
});
