// Folded networks compute what they computed before, within rounding.

import { expect, test } from "vitest";
import { needRealModels, realModel } from "../../test/real-models.ts";
import { largestDifference, runModel } from "../../test/run-model.ts";
import { createRng } from "../random.ts";
import { GraphBuilder } from "./builder.ts";
import { foldBatchNorm } from "./fold-batch-norm.ts";
import type { Attributes, ModelProto } from "./proto.ts";
import { validateModel } from "./validate.ts";

const rng = createRng(3);
const random = (g: GraphBuilder, stem: string, dims: number[]): string =>
  g.parameter(
    stem,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => 0.2 + rng()),
    dims,
  );

const norm = (g: GraphBuilder, x: string, channels: number, attributes: Attributes = { epsilon: 1e-2 }): string =>
  g.op("BatchNormalization", [x, ...["s", "b", "m", "v"].map((n) => random(g, n, [channels]))], attributes, "norm");

function convolutional(body: (g: GraphBuilder, x: string) => string[]): ModelProto {
  const g = new GraphBuilder();
  const x = g.input("x", [1, 4, 5, 5], undefined, ["N", 4, 5, 5]);
  for (const y of body(g, x)) {
    g.output(
      y,
      g.dims(y).map((d, i) => (i === 0 ? "N" : d)),
    );
  }
  return g.build("fold");
}

const count = (model: ModelProto): number => model.graph!.node.filter((n) => n.opType === "BatchNormalization").length;

async function folded(model: ModelProto): Promise<ModelProto> {
  const result = validateModel(foldBatchNorm(model));
  const before = await runModel(model, { batch: 2 });
  expect(largestDifference(await runModel(result, { batch: 2 }), before)).toBeLessThan(1e-5);
  return result;
}

test.for([
  ["with bias", ["w", "b"], { pads: [1, 1, 1, 1] }, [6, 4, 3, 3]],
  ["without bias", ["w"], {}, [6, 4, 3, 3]],
  ["depthwise", ["w", "b"], { group: 4 }, [8, 1, 3, 3]],
] as const)("Conv %s", async ([, parts, attributes, dims]) => {
  const model = convolutional((g, x) => {
    const weights = parts.map((part) => random(g, part, part === "w" ? [...dims] : [dims[0]]));
    return [g.op("Relu", [norm(g, g.op("Conv", [x, ...weights], attributes), dims[0])])];
  });
  const result = await folded(model);
  expect(result.graph!.node.map((n) => n.opType)).toEqual(["Conv", "Relu"]);
  expect(result.graph!.initializer.map((t) => t.name)).toEqual(["norm.weight", "norm.bias"]);
  expect(count(model)).toBe(1);
});

test.for([
  ["transB", [3, 100], [3], { transB: 1 }],
  ["plain", [100, 3], [3], {}],
  ["alpha and beta", [100, 3], [1, 3], { alpha: 0.5, beta: 2 }],
  ["a scalar bias", [3, 100], [], { transB: 1, beta: 0.5 }],
] as const)("Gemm with %s", async ([, dims, bias, attributes]) => {
  const model = convolutional((g, x) => {
    const flat = g.op("Flatten", [x]);
    return [norm(g, g.op("Gemm", [flat, random(g, "w", [...dims]), random(g, "b", [...bias])], attributes), 3)];
  });
  expect(count(await folded(model))).toBe(0);
});

test("weights that two layers share are folded into each on its own", async () => {
  const model = convolutional((g, x) => {
    const w = random(g, "w", [4, 4, 1, 1]);
    const first = norm(g, g.op("Conv", [x, w]), 4);
    return [norm(g, g.op("Conv", [first, w]), 4), g.op("Conv", [x, w])];
  });
  const result = await folded(model);
  expect(count(result)).toBe(0);
  expect(result.graph!.initializer.map((t) => t.name)).toContain("w");
});

test("a normalisation stays when something else sees what it reads, or when its layer cannot take it", async () => {
  const stays = convolutional((g, x) => {
    const shared = g.op("Conv", [x, random(g, "w", [4, 4, 1, 1])]);
    const output = g.op("Conv", [x, random(g, "w", [4, 4, 1, 1])]);
    const computed = g.op("Conv", [x, g.op("Neg", [random(g, "w", [4, 4, 1, 1])])]);
    const norms = [shared, output, computed, g.op("Relu", [x]), x].map((y) => norm(g, y, 4));
    return [...norms, output, g.op("Relu", [shared])];
  });
  expect(count(await folded(stays))).toBe(5);
  const training = convolutional((g, x) => {
    const conv = g.op("Conv", [x, random(g, "w", [4, 4, 1, 1])]);
    const p = ["s", "b", "m", "v"].map((n) => random(g, n, [4]));
    return [g.ops("BatchNormalization", [conv, ...p], 3, { training_mode: 1 })[0]!];
  });
  expect(count(foldBatchNorm(training))).toBe(1);
});

test.for(["cifar10-resnet20", "cifar10-resnet56"] as const)("%s loses all of them", async (name, { skip }) => {
  needRealModels(skip);
  const model = realModel(name);
  const result = validateModel(foldBatchNorm(model));
  expect(count(result)).toBe(0);
  const before = await runModel(model, { batch: 8 });
  expect(largestDifference(await runModel(result, { batch: 8 }), before)).toBeLessThan(1e-4);
});
