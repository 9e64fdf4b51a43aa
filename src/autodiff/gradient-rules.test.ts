// Every gradient rule against finite differences, through the whole training-step graph.

import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../onnx/builder.ts";
import { createRng, normal } from "../random.ts";
import { createSession } from "../runtime/index.ts";
import { float32, sizeOf, type Tensor } from "../tensor.ts";
import { differentiate } from "./differentiate.ts";
import { differentiableOperators } from "./gradient-rules.ts";

const BATCH = 3;
const CLASSES = 4;

type Body = (b: GraphBuilder, x: string, weight: (dims: readonly number[]) => string) => string;

/** operator -> network bodies that exercise it; `x` is [BATCH, ...imageDims]. */
const cases: { op: string; what: string; image: readonly number[]; body: Body }[] = [
  conv("3x3 stride 1, the shifted form", [5, 8, 8], [6, 5, 3, 3], { pads: [1, 1, 1, 1] }),
  conv("3x3 stride 1 on one long row", [2, 3, 40], [3, 2, 3, 3], { pads: [1, 1, 1, 1] }),
  conv("1x1", [5, 4, 4], [3, 5, 1, 1], {}),
  conv("1x1 stride 2", [5, 6, 6], [3, 5, 1, 1], { strides: [2, 2] }),
  conv("3x3 stride 2", [3, 8, 8], [4, 3, 3, 3], { pads: [1, 1, 1, 1], strides: [2, 2] }),
  conv("3x3 stride 2, odd size", [3, 7, 7], [4, 3, 3, 3], { pads: [1, 1, 1, 1], strides: [2, 2] }),
  conv("3x3 stride 2, padded below and right", [3, 8, 8], [4, 3, 3, 3], { pads: [0, 0, 1, 1], strides: [2, 2] }),
  conv("3x3 stride 2, no padding, remainder", [3, 8, 8], [4, 3, 3, 3], { strides: [2, 2] }),
  conv("5x3 dilated", [2, 12, 9], [3, 2, 5, 3], { pads: [2, 2, 2, 2], dilations: [2, 1] }),
  conv("depthwise", [6, 6, 6], [6, 1, 3, 3], { pads: [1, 1, 1, 1], group: 6 }),
  conv("depthwise stride 2", [6, 6, 6], [6, 1, 3, 3], { pads: [0, 0, 1, 1], strides: [2, 2], group: 6 }),
  conv("grouped", [6, 5, 5], [4, 3, 3, 3], { pads: [1, 1, 1, 1], group: 2 }),
  {
    op: "BatchNormalization",
    what: "batch statistics",
    image: [4, 5, 5],
    body: (b, x, weight) => {
      const mean = b.parameter("running_mean", new Float32Array(4), [4]);
      const variance = b.parameter("running_variance", new Float32Array(4).fill(1), [4]);
      return b.op("BatchNormalization", [x, weight([4]), weight([4]), mean, variance]);
    },
  },
  {
    op: "BatchNormalization",
    what: "fixed statistics",
    image: [4, 5, 5],
    body: (b, x) => {
      const fixed = (name: string, value: number): string =>
        b.parameter(`fixed_${name}`, new Float32Array(4).fill(value), [4]);
      return b.op("BatchNormalization", [x, fixed("g", 0.7), fixed("b", 0.1), fixed("m", 0.2), fixed("v", 1.3)]);
    },
  },
  simple("Relu"),
  simple("Sigmoid"),
  simple("Tanh"),
  simple("HardSwish"),
  simple("HardSigmoid", { alpha: 0.3, beta: 0.4 }),
  simple("LeakyRelu", { alpha: 0.2 }),
  simple("Identity"),
  simple("Softmax", { axis: 1 }),
  simple("LogSoftmax", { axis: -1 }),
  simple("GlobalAveragePool"),
  simple("MaxPool", { kernel_shape: [2, 2], strides: [2, 2] }),
  simple("MaxPool", { kernel_shape: [3, 3], strides: [2, 2] }),
  simple("MaxPool", { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 }),
  simple("AveragePool", { kernel_shape: [2, 2], strides: [2, 2] }),
  simple("AveragePool", { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  simple("AveragePool", { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], count_include_pad: 1 }),
  simple("Flatten"),
  simple("Transpose", { perm: [0, 3, 1, 2] }),
  simple("ReduceMean", { axes: [2, 3], keepdims: 0 }),
  { op: "ReduceSum", what: "", image: [3, 6, 6], body: (b, x) => b.op("ReduceSum", [x, b.ints([-1])]) },
  {
    op: "Clip",
    what: "both bounds",
    image: [3, 6, 6],
    body: (b, x) => b.op("Clip", [x, b.scalar(-0.4), b.scalar(0.6)]),
  },
  { op: "Clip", what: "lower bound", image: [3, 6, 6], body: (b, x) => b.op("Clip", [x, b.scalar(0)]) },
  { op: "Add", what: "broadcast", image: [3, 6, 6], body: (b, x, weight) => b.op("Add", [weight([3, 1, 1]), x]) },
  { op: "Sub", what: "broadcast", image: [3, 6, 6], body: (b, x) => b.op("Sub", [b.op("GlobalAveragePool", [x]), x]) },
  { op: "Mul", what: "gate", image: [3, 6, 6], body: (b, x) => b.op("Mul", [x, b.op("GlobalAveragePool", [x])]) },
  { op: "Mul", what: "scalar weight", image: [3, 6, 6], body: (b, x, weight) => b.op("Mul", [x, weight([])]) },
  {
    op: "Div",
    what: "broadcast",
    image: [3, 6, 6],
    body: (b, x) => b.op("Div", [x, b.op("Add", [b.op("Sigmoid", [b.op("GlobalAveragePool", [x])]), b.scalar(1)])]),
  },
  {
    op: "Concat",
    what: "two branches",
    image: [3, 6, 6],
    body: (b, x) => b.op("Concat", [b.op("Tanh", [x]), x], { axis: 1 }),
  },
  {
    op: "Slice",
    what: "strided shortcut",
    image: [3, 7, 6],
    body: (b, x) => b.op("Slice", [x, b.ints([0, 1]), b.ints([9999, -1]), b.ints([2, 3]), b.ints([2, 2])]),
  },
  { op: "Pad", what: "channels", image: [3, 6, 6], body: (b, x) => b.op("Pad", [x, b.ints([0, 2, 0, 0, 0, 2, 0, 0])]) },
  { op: "Reshape", what: "", image: [3, 6, 6], body: (b, x) => b.op("Reshape", [x, b.ints([0, -1, 4])]) },
  {
    op: "Squeeze",
    what: "",
    image: [3, 6, 6],
    body: (b, x) => b.op("Squeeze", [b.op("GlobalAveragePool", [x]), b.ints([2, 3])]),
  },
  { op: "Unsqueeze", what: "", image: [3, 6, 6], body: (b, x) => b.op("Unsqueeze", [x, b.ints([1])]) },
  {
    op: "MatMul",
    what: "shared right side",
    image: [3, 6, 6],
    body: (b, x, weight) => b.op("MatMul", [x, weight([6, 5])]),
  },
  { op: "MatMul", what: "batched", image: [3, 6, 6], body: (b, x) => b.op("MatMul", [x, b.op("Tanh", [x])]) },
  {
    op: "Gemm",
    what: "transposed, scaled",
    image: [3, 2, 2],
    body: (b, x, weight) =>
      b.op("Gemm", [b.op("Flatten", [x]), weight([5, 12]), weight([5])], { transB: 1, alpha: 0.5, beta: 2 }),
  },
  {
    op: "Gemm",
    what: "transposed left side",
    image: [3, 2, 2],
    body: (b, x, weight) => {
      const turned = b.op("Transpose", [b.op("Flatten", [x])], { perm: [1, 0] });
      return b.op("Gemm", [turned, weight([12, 5])], { transA: 1 });
    },
  },
];

function conv(
  what: string,
  image: readonly number[],
  w: readonly number[],
  attributes: Record<string, number | number[]>,
) {
  const body: Body = (b, x, weight) => b.op("Conv", [x, weight(w), weight([w[0]!])], attributes);
  return { op: "Conv", what, image, body };
}

function simple(op: string, attributes: Record<string, number | number[]> = {}) {
  const body: Body = (b, x) => b.op(op, [x], attributes);
  return { op, what: JSON.stringify(attributes), image: [3, 6, 6], body };
}

/** x -> x + p -> body -> + x-independent linear classifier; p and all the body's weights are trained. */
function network(image: readonly number[], body: Body, seed: number) {
  const rng = createRng(seed);
  const random = (size: number, scale: number): Float32Array =>
    Float32Array.from({ length: size }, () => scale * normal(rng));
  const b = new GraphBuilder(17);
  b.input("input", [BATCH, ...image]);
  const shift = b.parameter("shift", random(sizeOf(image), 0.5), image);
  const x = b.op("Add", ["input", shift]);
  let count = 0;
  const y = body(b, x, (dims) => b.parameter(`weight${count++}`, random(sizeOf(dims), 0.5), dims));
  const flat = b.op("Flatten", [y]);
  const features = b.dims(flat)[1]!;
  const rows = b.dims(flat)[0]! === BATCH ? flat : b.op("Reshape", [y, b.ints([BATCH, -1])]);
  const linear = b.parameter("linear", random(features * CLASSES, 1 / Math.sqrt(features)), [features, CLASSES]);
  b.op("Gemm", [rows, linear], {}, "logits");
  b.output("logits", ["N", CLASSES]);
  return b.build("check");
}

describe("gradient rules agree with finite differences", () => {
  test.each(cases)("$op $what", async ({ image, body }) => {
    const model = network(image, body, 7);
    const step = differentiate(model, {
      batch: BATCH,
      trainable: (name) => !name.startsWith("fixed_") && !name.startsWith("const_"),
    });
    const session = await createSession(step.model);
    const rng = createRng(11);
    const images = float32(
      Float32Array.from({ length: BATCH * sizeOf(image) }, () => normal(rng)),
      [BATCH, ...image],
    );
    const targets = float32(
      Float32Array.from({ length: BATCH * CLASSES }, (_, i) => (i % CLASSES === i % 3 ? 1 : 0)),
      [BATCH, CLASSES],
    );
    for (let r = 0; r < BATCH; r++)
      targets.data.fill(0, r * CLASSES, (r + 1) * CLASSES).fill(1, r * CLASSES + r, r * CLASSES + r + 1);
    const tau = float32(Float32Array.of(0.7), [1]);
    const initial = new Float32Array(step.parameterCount);
    for (const slot of step.parameters) {
      const tensor = model.graph!.initializer.find((t) => t.name === slot.name)!;
      initial.set(new Float32Array(tensor.rawData.slice().buffer), slot.offset);
    }
    const evaluate = async (p: Float32Array): Promise<Record<string, Tensor>> =>
      session.run({ images, targets, tau, parameters: float32(p, [p.length]) });
    const gradient = (await evaluate(initial)).gradients!.data as Float32Array;
    const loss = async (p: Float32Array): Promise<number> => 0.7 * Number((await evaluate(p)).losses!.data[0]);

    // One random direction per parameter tensor, so that a wrong tensor cannot hide among right ones.
    for (const slot of step.parameters) {
      const direction = new Float32Array(step.parameterCount);
      for (let i = 0; i < slot.size; i++) direction[slot.offset + i] = normal(rng) / Math.sqrt(slot.size);
      const expected = gradient.reduce((sum, g, i) => sum + g * direction[i]!, 0);
      const size = 2e-3;
      const at = (sign: number): Float32Array => initial.map((v, i) => v + sign * size * direction[i]!);
      const measured = ((await loss(at(1))) - (await loss(at(-1)))) / (2 * size);
      const norm = Math.hypot(...gradient.subarray(slot.offset, slot.offset + slot.size));
      expect(norm, `${slot.name}: gradient is zero`).toBeGreaterThan(1e-6);
      expect(Math.abs(measured - expected), `${slot.name}: ${measured} against ${expected}`).toBeLessThan(
        2e-4 + 0.02 * Math.abs(expected),
      );
    }
    await session.release();
  });

  test("every rule of the table is checked", () => {
    const checked = new Set(cases.map((c) => c.op));
    expect(differentiableOperators.filter((op) => !checked.has(op))).toEqual([]);
  });
});
