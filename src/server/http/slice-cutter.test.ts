import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { toyNetwork, toyProgressive } from "../../../test/toy.ts";
import { describeNetwork, NETWORK_PATH, slicePath, sliceSource } from "../../engine/index.ts";
import { writeModelFile } from "../../onnx/index.ts";
import { createSliceCutter, type SliceCutter } from "./slice-cutter.ts";

const progressive = toyProgressive();
const plain = toyNetwork();
let folder: string;
let models: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-cutter-"));
  models = [join(folder, "toy.spinn.onnx"), join(folder, "plain.onnx")];
  await writeModelFile(models[0]!, progressive);
  await writeModelFile(models[1]!, plain);
});
afterAll(() => rm(folder, { recursive: true }));

function cutter(idleMs?: number): SliceCutter {
  const made = createSliceCutter(idleMs);
  onTestFinished(() => made.close());
  return made;
}

test("cuts several networks at once, each as it is cut here", async () => {
  const { cut } = cutter();
  const asked = [progressive, plain].map(async (model, i) => {
    const path = slicePath(describeNetwork(model), "input", ["logits"]);
    const reply = await cut(models[i]!, path);
    expect(Buffer.compare(reply!.body, sliceSource(model)(path)!.body)).toBe(0);
  });
  await Promise.all(asked);
  expect(await cut(models[0]!, "slice.onnx?from=nowhere")).toBeUndefined();
});

test("a network that cannot be read is an error each time, and no other's", async () => {
  const { cut } = cutter();
  const damaged = join(folder, "damaged.onnx");
  await writeFile(damaged, "no model");
  await expect(cut(damaged, NETWORK_PATH)).rejects.toMatchObject({ code: "InvalidModel" });
  await expect(cut(damaged, NETWORK_PATH)).rejects.toMatchObject({ code: "InvalidModel" });
  await expect(cut(join(folder, "none.onnx"), NETWORK_PATH)).rejects.toMatchObject({ code: "FileAccess" });
  expect(await cut(models[1]!, NETWORK_PATH)).toBeDefined();
  await writeModelFile(damaged, plain); // and is mended
  expect(await cut(damaged, NETWORK_PATH)).toBeDefined();
});

test("the thread ends when nobody has asked for a while, and starts again", async () => {
  const { cut } = cutter(1);
  for (let i = 0; i < 5; i++) {
    expect(await cut(models[0]!, NETWORK_PATH)).toBeDefined();
    await new Promise((resolve) => setTimeout(resolve, 20 * i));
  }
});

test("whoever waits when it is closed hears so; a flood is refused at once", async () => {
  const { cut, close } = cutter();
  const flood = Array.from({ length: 80 }, () => cut(models[0]!, NETWORK_PATH));
  const outcomes = Promise.allSettled(flood);
  await close();
  const codes = (await outcomes).map((one) => (one.status === "rejected" ? one.reason.code : "cut"));
  expect(codes.slice(0, 64)).toEqual(Array.from({ length: 64 }, () => "Aborted"));
  expect(codes.slice(64)).toEqual(Array.from({ length: 16 }, () => "Overloaded"));
});
