// Shapes behind what computes each value by itself: activations, arithmetic with broadcasting, comparisons, casts.

import { intAttribute } from "../attributes.ts";
import { DataType } from "../proto.ts";
import { broadcastDims, fail, input, type ShapeRule, type ShapeRules, same } from "./shape-rule.ts";

const broadcast: ShapeRule = (c) => {
  let dims: readonly number[] = input(c, 0).dims;
  for (let i = 1; i < c.inputs.length; i++) {
    dims = broadcastDims(dims, input(c, i).dims) ?? fail(c, "shapes do not broadcast");
  }
  return [{ elemType: input(c, 0).elemType, dims }];
};

const compare: ShapeRule = (c) => broadcast(c).map((o) => ({ ...o, elemType: DataType.BOOL }));

const where: ShapeRule = (c) => {
  const pair = broadcastDims(input(c, 1).dims, input(c, 2).dims) ?? fail(c, "shapes do not broadcast");
  const dims = broadcastDims(input(c, 0).dims, pair) ?? fail(c, "shapes do not broadcast");
  return [{ elemType: input(c, 1).elemType, dims }];
};

const cast: ShapeRule = (c) => [{ ...input(c, 0), elemType: intAttribute(c.node, "to", DataType.FLOAT) }];

const dropout: ShapeRule = (c) => [...same(c), { elemType: DataType.BOOL, dims: input(c, 0).dims }];

const dynamicQuantize: ShapeRule = (c) => [
  { elemType: DataType.UINT8, dims: input(c, 0).dims },
  { elemType: DataType.FLOAT, dims: [] },
  { elemType: DataType.UINT8, dims: [] },
];
const quantize: ShapeRule = (c) => [{ elemType: c.inputs[2]?.elemType ?? DataType.UINT8, dims: input(c, 0).dims }];
const dequantize: ShapeRule = (c) => [{ elemType: DataType.FLOAT, dims: input(c, 0).dims }];

const identity: ShapeRule = (c) => [input(c, 0)];

export const elementwiseRules: ShapeRules = {
  Abs: same,
  Ceil: same,
  Clip: same,
  Elu: same,
  Erf: same,
  Exp: same,
  Floor: same,
  Gelu: same,
  HardSigmoid: same,
  HardSwish: same,
  LRN: same,
  LeakyRelu: same,
  Log: same,
  LogSoftmax: same,
  Mish: same,
  Neg: same,
  Reciprocal: same,
  Relu: same,
  Round: same,
  Selu: same,
  Sigmoid: same,
  Sign: same,
  Softmax: same,
  Softplus: same,
  Sqrt: same,
  Tanh: same,
  LayerNormalization: same,
  InstanceNormalization: same,
  GroupNormalization: same,
  Add: broadcast,
  Sub: broadcast,
  Mul: broadcast,
  Div: broadcast,
  Pow: broadcast,
  Min: broadcast,
  Max: broadcast,
  Sum: broadcast,
  Mean: broadcast,
  PRelu: broadcast,
  Equal: compare,
  Greater: compare,
  Less: compare,
  GreaterOrEqual: compare,
  LessOrEqual: compare,
  Where: where,
  Identity: identity,
  Dropout: dropout,
  Cast: cast,
  DynamicQuantizeLinear: dynamicQuantize,
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  "com.microsoft.nchwc:ReorderInput": same,
};
