// Inferred types against what ONNX Runtime makes of the same graph, for every operator of the table.

import { expect, test } from "vitest";
import { needRealModels, REAL_MODELS, realModel } from "../../test/real-models.ts";
import { randomFeeds, runModel } from "../../test/run-model.ts";
import { createSession } from "../runtime/index.ts";
import { GraphBuilder } from "./builder.ts";
import { type Attributes, DataType, edit, floatTensor, int64Tensor, makeNode, makeValueInfo } from "./proto.ts";
import { inferNode, inferShapes, isKnownOperator } from "./shapes.ts";

type Body = (g: GraphBuilder, x: string) => string | string[];

const w = (g: GraphBuilder, ...dims: number[]): string =>
  g.parameter("w", new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(0.5), dims);

const unary = (...types: string[]): Body[] => types.map((type) => (g, x) => g.op(type, [x]));
const windows: Attributes[] = [
  { kernel_shape: [3, 3] },
  { kernel_shape: [3, 2], strides: [2, 3], pads: [1, 0, 0, 1] },
  { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 },
  { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1, pads: [0, 0, 1, 1] },
  { kernel_shape: [1, 1], strides: [3, 3], ceil_mode: 1 },
  { kernel_shape: [3, 3], strides: [2, 2], auto_pad: "SAME_UPPER" },
  { kernel_shape: [2, 2], strides: [2, 2], auto_pad: "SAME_LOWER" },
  { kernel_shape: [3, 3], strides: [2, 2], auto_pad: "VALID" },
];
const noCeil = ({ ceil_mode: _, ...rest }: Attributes): Attributes => rest;

/** From `x` [2, 6, 7, 8] to the outputs to compare; by opset. */
const bodies: Record<number, Record<string, Body[]>> = {
  17: {
    activations: [
      ...unary("Abs", "Ceil", "Elu", "Erf", "Exp", "Floor", "HardSigmoid", "HardSwish", "LeakyRelu", "Log"),
      ...unary("LogSoftmax", "Neg", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Softmax"),
      ...unary("Softplus", "Sqrt", "Tanh", "Identity", "Dropout"),
      (g, x) => g.op("Clip", [x, g.scalar(0), g.scalar(6)]),
      (g, x) => g.op("PRelu", [x, w(g, 6, 1, 1)]),
      (g, x) => g.op("LRN", [x], { size: 3 }),
      (g, x) => g.op("LayerNormalization", [x, w(g, 8)]),
      (g, x) => g.op("InstanceNormalization", [x, w(g, 6), w(g, 6)]),
      (g, x) => g.op("BatchNormalization", [x, w(g, 6), w(g, 6), w(g, 6), w(g, 6)]),
      (g, x) => g.ops("BatchNormalization", [x, w(g, 6), w(g, 6), w(g, 6), w(g, 6)], 3, { training_mode: 1 }),
    ],
    arithmetic: [
      ...["Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Sum", "Mean"].map(
        (type): Body =>
          (g, x) => [g.op(type, [x, w(g, 7, 1)]), g.op(type, [w(g, 3, 1, 1, 1, 8), w(g, 6, 1, 1)])],
      ),
      ...["Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"].map(
        (type): Body =>
          (g, x) =>
            g.op(type, [x, w(g, 8)]),
      ),
      (g, x) => g.op("Where", [g.op("Greater", [w(g, 7, 1), g.scalar(0)]), x, w(g, 8)]),
      (g, x) => g.op("Expand", [g.op("GlobalMaxPool", [x]), g.ints([5, 1, 6, 7, 1])]),
      (g, x) => g.op("Cast", [x], { to: DataType.INT32 }),
    ],
    reductions: [
      ...["ReduceMean", "ReduceMax", "ReduceMin", "ReduceSumSquare"].map(
        (type): Body =>
          (g, x) => [g.op(type, [x]), g.op(type, [x], { axes: [-1, 1], keepdims: 0 })],
      ),
      (g, x) => [g.op("ReduceSum", [x]), g.op("ReduceSum", [x, g.ints([0, 2])], { keepdims: 0 })],
      (g, x) => g.op("ReduceSum", [x], { noop_with_empty_axes: 1 }),
      (g, x) => [g.op("ArgMax", [x], { axis: 1 }), g.op("ArgMax", [x], { axis: -1, keepdims: 0 })],
    ],
    windows: [
      ...windows.map(
        (a): Body =>
          (g, x) =>
            g.op("MaxPool", [x], a),
      ),
      ...windows.map(
        (a): Body =>
          (g, x) =>
            g.op("AveragePool", [x], a),
      ),
      ...windows.map(
        (a): Body =>
          (g, x) =>
            g.op("LpPool", [x], noCeil(a)),
      ),
      ...windows.map((a): Body => {
        const [h, v] = a.kernel_shape as number[];
        return (g, x) => g.op("Conv", [x, w(g, 4, 3, h!, v!), w(g, 4)], { ...noCeil(a), group: 2 });
      }),
      (g, x) => g.ops("MaxPool", [x], 2, { kernel_shape: [2, 2] }),
      (g, x) => g.op("MaxPool", [x], { kernel_shape: [2, 3], dilations: [3, 2] }),
      (g, x) => g.op("Conv", [x, w(g, 4, 6, 3, 3)], { dilations: [2, 3], pads: [2, 2, 2, 2] }),
      (g, x) => g.op("ConvTranspose", [x, w(g, 6, 4, 3, 3)]),
      (g, x) =>
        g.op("ConvTranspose", [x, w(g, 6, 4, 3, 2)], {
          strides: [2, 3],
          pads: [1, 0, 0, 1],
          output_padding: [1, 2],
          dilations: [2, 1],
          group: 2,
        }),
      (g, x) => g.op("ConvTranspose", [x, w(g, 6, 4, 3, 3)], { strides: [2, 2], auto_pad: "SAME_UPPER" }),
      (g, x) => g.op("ConvTranspose", [x, w(g, 6, 4, 3, 3)], { strides: [2, 2], output_shape: [15, 16] }),
      ...unary("GlobalAveragePool", "GlobalMaxPool"),
    ],
    products: [
      (g, x) => g.op("Gemm", [g.op("Flatten", [x]), w(g, 336, 5), w(g, 5)]),
      (g, x) => g.op("Gemm", [g.op("Flatten", [x]), w(g, 2, 5)], { transA: 1 }),
      (g, x) => g.op("Gemm", [g.op("Flatten", [x]), w(g, 5, 336), w(g, 2, 1)], { transB: 1 }),
      (g, x) => [g.op("MatMul", [x, w(g, 8, 3)]), g.op("MatMul", [x, w(g, 8)]), g.op("MatMul", [w(g, 7), x])],
      (g, x) => g.op("MatMul", [x, w(g, 3, 1, 6, 8, 2)]),
      (g, x) => g.op("com.microsoft:FusedMatMul", [x, x], { transA: 1 }),
      (g, x) => g.op("com.microsoft:FusedMatMul", [x, x], { transB: 1 }),
    ],
    layout: [
      (g, x) => g.op("Concat", [x, g.op("Relu", [x])], { axis: -2 }),
      (g, x) => g.op("Slice", [x, g.ints([1]), g.ints([-1]), g.ints([1])]),
      (g, x) => g.op("Slice", [x, g.ints([-1, 6]), g.ints([-100, 1]), g.ints([3, 2]), g.ints([-2, -3])]),
      (g, x) => g.op("Slice", [x, g.ints([0, 2]), g.ints([9, 2])]),
      (g, x) => g.op("Pad", [x, g.ints([0, 1, 2, 3, 0, 0, 1, -1])]),
      (g, x) => g.ops("Split", [x, g.ints([1, 3, 2])], 3, { axis: 1 }),
      (g, x) => g.ops("Split", [x], 2, { axis: -1 }),
      (g, x) => [g.op("Reshape", [x, g.ints([0, -1, 4])]), g.op("Reshape", [x, g.ints([-1])])],
      (g, x) => [g.op("Flatten", [x]), g.op("Flatten", [x], { axis: 0 }), g.op("Flatten", [x], { axis: -1 })],
      (g, x) => [g.op("Transpose", [x]), g.op("Transpose", [x], { perm: [0, 2, 3, 1] })],
      (g, x) => g.op("Squeeze", [g.op("GlobalMaxPool", [x]), g.ints([-1, 2])]),
      (g, x) => g.op("Squeeze", [g.op("GlobalMaxPool", [x])]),
      (g, x) => g.op("Unsqueeze", [x, g.ints([0, -1, 3])]),
      (g, x) => [g.op("Gather", [x, g.ints([1, 0, 1])], { axis: 2 }), g.op("Gather", [x, int(g, 3)], { axis: -1 })],
      (g, x) => g.op("DepthToSpace", [g.op("Concat", [x, x], { axis: 1 })], { blocksize: 2 }),
      (g, x) => g.op("SpaceToDepth", [g.op("Slice", [x, g.ints([0]), g.ints([6]), g.ints([2])])], { blocksize: 2 }),
      (g, x) => g.op("Resize", [x, "", "", g.ints([2, 6, 14, 4])]),
    ],
    shapes: [
      (g, x) => [g.op("Shape", [x]), g.op("Shape", [x], { start: 1, end: -1 })],
      (g, x) => {
        const batch = g.op("Unsqueeze", [g.op("Gather", [g.op("Shape", [x]), int(g, 0)]), g.ints([0])]);
        return g.op("Reshape", [x, g.op("Concat", [batch, g.ints([-1])], { axis: 0 })]);
      },
      (g, x) =>
        g.op("Reshape", [x, g.op("Slice", [g.op("Shape", [x]), g.ints([3]), g.ints([-9]), g.ints([0]), g.ints([-1])])]),
      (g, x) => g.op("Add", [x, g.op("ConstantOfShape", [g.op("Shape", [x])])]),
      (g) => g.op("ConstantOfShape", [g.ints([3])], { value: int64Tensor("v", [7]) }),
      (g) => g.op("Constant", [], { value: floatTensor("v", new Float32Array(6), [2, 3]) }),
      (g) => [g.op("Constant", [], { value_float: 1 }), g.op("Constant", [], { value_int: 1 })],
      (g) => g.op("Constant", [], { value_ints: [1, 2, 3] }),
    ],
    quantisation: [
      (g, x) => g.ops("DynamicQuantizeLinear", [x], 3),
      (g, x) => {
        const [q, scale, zero] = g.ops("DynamicQuantizeLinear", [x], 3);
        return [g.op("DequantizeLinear", [q!, scale!, zero!]), g.op("QuantizeLinear", [x, scale!, zero!])];
      },
    ],
  },
  20: {
    newer: [
      ...unary("Gelu", "Mish"),
      (g, x) => g.op("GroupNormalization", [x, w(g, 3), w(g, 3)], { num_groups: 3 }),
      (g, x) => g.op("ReduceMean", [x, g.ints([2, 3])]),
      (g, x) => g.ops("Split", [x], 3, { axis: -1, num_outputs: 3 }),
      (g, x) => g.op("Pad", [x, g.ints([1, 2]), "", g.ints([-1])]),
    ],
  },
  11: {
    older: [
      (g, x) => g.op("ReduceSum", [x], { axes: [2], keepdims: 0 }),
      (g, x) => g.op("Unsqueeze", [x], { axes: [0] }),
      (g, x) => g.op("Squeeze", [g.op("GlobalMaxPool", [x])], { axes: [3] }),
      (g, x) => g.ops("Split", [x], 2, { axis: 1, split: [5, 1] }),
    ],
  },
};

const int = (g: GraphBuilder, value: number): string => g.initializer(int64Tensor(g.fresh("i"), [value], []));

const cases = Object.entries(bodies).flatMap(([opset, groups]) =>
  Object.entries(groups).flatMap(([group, list]) =>
    list.map((body, i) => [`${group} ${i}, opset ${opset}`, Number(opset), body] as const),
  ),
);

test.for(cases)("%s", async ([, opset, body]) => {
  const g = new GraphBuilder(opset);
  const outputs = [body(g, g.input("x", [2, 6, 7, 8]))].flat();
  for (const name of outputs) g.output(name);
  const model = g.build("types");
  const session = await createSession(model, { optimization: "none" });
  const result = await session.run(randomFeeds(model));
  await session.release();
  const types = inferShapes(model);
  for (const name of outputs) {
    expect(types.get(name)!.dims, name).toEqual(result[name]!.dims);
    expect(typeNames[types.get(name)!.elemType as number], name).toBe(result[name]!.type);
  }
});

const typeNames: Readonly<Record<number, string>> = {
  [DataType.FLOAT]: "float32",
  [DataType.INT32]: "int32",
  [DataType.INT64]: "int64",
  [DataType.UINT8]: "uint8",
  [DataType.BOOL]: "uint8",
};

test.for(REAL_MODELS)("%s: every tensor, at any batch", async (name, { skip }) => {
  needRealModels(skip);
  const model = realModel(name);
  const types = inferShapes(model, 2);
  const output = model.graph!.node.flatMap((node) =>
    node.output.map((o) =>
      makeValueInfo(
        o,
        DataType.FLOAT,
        types.get(o)!.dims.map((_, i) => `${o}_${i}`),
      ),
    ),
  );
  const result = await runModel(edit(model, { graph: edit(model.graph!, { output }) }), { batch: 2 });
  expect(Object.keys(result).length).toBe(output.length);
  for (const [tensor, { dims }] of Object.entries(result)) expect(types.get(tensor)!.dims, tensor).toEqual(dims);
});

test("operators outside the table are not known, whatever they are called", () => {
  for (const [type, domain] of [
    ["Foo", ""],
    ["constructor", ""],
    ["Relu", "acme"],
    ["toString", "acme"],
  ] as const) {
    const node = makeNode(type, ["x"], ["y"], {}, { domain });
    expect(isKnownOperator(node)).toBe(false);
    expect(() => inferNode(node, [])).toThrow(/is an operator that is not known/);
  }
});
