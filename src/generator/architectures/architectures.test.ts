// Every architecture of the table: shapes, size, reproducibility, and that ONNX Runtime runs it.

import { expect, test } from "vitest";
import { encodeModel } from "../../onnx/codec.ts";
import { graphOf } from "../../onnx/graph-index.ts";
import { declaredType } from "../../onnx/proto.ts";
import { inferShapes } from "../../onnx/shapes.ts";
import { dimsOf, floatValues } from "../../onnx/tensor-values.ts";
import { createRng } from "../../random.ts";
import { createSession } from "../../runtime/index.ts";
import { float32, sizeOf } from "../../tensor.ts";
import { type ArchitectureName, architectures, buildArchitecture, isArchitectureName } from "./index.ts";
import { resnet } from "./resnet.ts";

const names = Object.keys(architectures) as ArchitectureName[];

/** Weights and biases for 10 classes: the published figures, and for ResNet-14 the sum over its layers. */
const parameters: Record<ArchitectureName, number> = {
  resnet14: 172_506,
  resnet20: 269_722,
  resnet32: 464_154,
  resnet56: 853_018,
  vgg16: 14_724_042,
  mobilenetv2: 2_236_682,
};

test.each(names)("%s has the design's number of parameters", (name) => {
  const graph = graphOf(buildArchitecture(name, { classes: 10, seed: 1 }));
  const trained = graph.initializer.filter((t) => /(weight|bias)$/.test(t.name));
  expect(trained.reduce((sum, t) => sum + sizeOf(dimsOf(t)), 0)).toBe(parameters[name]);
});

test.each(names)("%s takes a batch of images and answers with finite logits", async (name) => {
  const model = buildArchitecture(name, { classes: 7, seed: 1, width: 8 });
  expect(graphOf(model).input.map((i) => [i.name, declaredType(i)!.dims])).toEqual([["input", ["N", 3, 32, 32]]]);
  expect(graphOf(model).output.map((o) => [o.name, declaredType(o)!.dims])).toEqual([["logits", ["N", 7]]]);
  const session = await createSession(model);
  const rng = createRng(2);
  const input = float32(
    Float32Array.from({ length: 2 * 3072 }, () => 2 * rng() - 1),
    [2, 3, 32, 32],
  );
  const { logits } = await session.run({ input });
  expect(logits!.dims).toEqual([2, 7]);
  expect([...(logits!.data as Float32Array)].every(Number.isFinite)).toBe(true);
  await session.release();
});

test("the same seed gives the same bytes, another seed other ones", () => {
  const bytes = (seed: number): Uint8Array =>
    encodeModel(buildArchitecture("resnet20", { classes: 10, seed, width: 4 }));
  expect(bytes(5)).toEqual(bytes(5));
  expect(bytes(5)).not.toEqual(bytes(6));
});

test("convolutions start with He's variance over the fan-out, normalisation as the identity", () => {
  const graph = graphOf(buildArchitecture("resnet20", { classes: 10, seed: 3 }));
  const values = (name: string): Float32Array => floatValues(graph.initializer.find((t) => t.name === name)!);
  const weight = values("layer3.1.conv2.weight");
  const variance = weight.reduce((sum, w) => sum + w * w, 0) / weight.length;
  expect(variance / (2 / (64 * 9))).toBeCloseTo(1, 1);
  expect(new Set(values("bn1.weight"))).toEqual(new Set([1]));
  expect(new Set(values("bn1.running_var"))).toEqual(new Set([1]));
  expect(new Set(values("bn1.bias"))).toEqual(new Set([0]));
});

test("width scales every stage, and other image sizes and odd widths work", () => {
  const types = inferShapes(
    buildArchitecture("resnet20", { classes: 10, seed: 1, width: 5, inputShape: [1, 64, 96] }),
    4,
  );
  expect(types.get("layer1.0.relu2")!.dims).toEqual([4, 5, 64, 96]);
  expect(types.get("layer3.2.relu2")!.dims).toEqual([4, 20, 16, 24]);
  expect(types.get("logits")!.dims).toEqual([4, 10]);
  const mobile = inferShapes(buildArchitecture("mobilenetv2", { classes: 10, seed: 1 }));
  expect(mobile.get("last.relu6")!.dims).toEqual([1, 1280, 4, 4]);
});

test("what cannot be built is refused", () => {
  const options = { classes: 10, seed: 1 };
  expect(() => resnet(21)).toThrow(RangeError);
  expect(() => buildArchitecture("resnet20", { ...options, classes: 1 })).toThrow(RangeError);
  expect(() => buildArchitecture("resnet20", { ...options, width: 0.5 })).toThrow(RangeError);
  expect(() => buildArchitecture("vgg16", { ...options, inputShape: [3, 28, 28] })).toThrow(/multiples of 32/);
  expect(isArchitectureName("resnet20")).toBe(true);
  expect(isArchitectureName("toString")).toBe(false);
});
