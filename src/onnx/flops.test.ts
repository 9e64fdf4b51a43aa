// Multiply-adds against hand counts and against published figures.

import { expect, test } from "vitest";
import { needRealModels, realModel } from "../../test/real-models.ts";
import { GraphBuilder } from "./builder.ts";
import { countMacs, nodeMacs } from "./flops.ts";
import { inferShapes } from "./shapes.ts";

test.for([
  ["cifar10-resnet56", 125.5e6],
  ["imagenet-mobilenetv2", 300e6],
  ["imagenet-squeezenet1_1", 349e6],
] as const)("%s is within 1 %% of the published multiply-adds", ([name, published], { skip }) => {
  needRealModels(skip);
  expect(Math.abs(countMacs(realModel(name)).total / published - 1)).toBeLessThan(0.01);
});

test("countMacs() counts convolutions and matrix products, and nothing else", () => {
  const g = new GraphBuilder();
  const w = (dims: number[]): string => g.parameter("w", new Float32Array(dims.reduce((a, b) => a * b)), dims);
  const x = g.input("x", [2, 4, 8, 8]);
  const grouped = g.op("Conv", [x, w([6, 2, 3, 3]), w([6])], { group: 2, pads: [1, 1, 1, 1], strides: [2, 2] });
  const up = g.op("ConvTranspose", [g.op("Relu", [grouped]), w([6, 5, 2, 2])], { strides: [2, 2] });
  const flat = g.op("Flatten", [g.op("GlobalAveragePool", [up])]);
  const gemm = g.op("Gemm", [flat, w([7, 5]), w([7])], { transB: 1 });
  const product = g.op("MatMul", [gemm, w([7, 3])]);
  g.output(g.op("com.microsoft:FusedMatMul", [gemm, product], { transA: 1 }));
  const { total, byNode } = countMacs(g.build("costs"));
  const counted = [...byNode].filter(([, macs]) => macs > 0).map(([node, macs]) => [node.opType, macs]);
  expect(counted).toEqual([
    ["Conv", 2 * 6 * 4 * 4 * (2 * 3 * 3)],
    ["ConvTranspose", 2 * 6 * 4 * 4 * (5 * 2 * 2)],
    ["Gemm", 2 * 7 * 5],
    ["MatMul", 2 * 3 * 7],
    ["FusedMatMul", 7 * 3 * 2],
  ]);
  expect(total).toBe(counted.reduce((sum, [, macs]) => sum + Number(macs), 0));
});

test("nodeMacs() follows the batch that the shapes were inferred for", () => {
  const g = new GraphBuilder();
  const x = g.input("x", [1, 3], undefined, ["N", 3]);
  g.output(g.op("MatMul", [x, g.parameter("w", new Float32Array(6), [3, 2])]), ["N", 2]);
  const model = g.build("batch");
  expect(nodeMacs(model.graph!.node[0]!, inferShapes(model, 5))).toBe(5 * 3 * 2);
});
