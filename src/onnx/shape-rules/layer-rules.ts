// Shapes behind the layers of networks: convolutions, pooling, normalization, matrix products.

import { sizeOf } from "../../tensor.ts";
import { intAttribute, intsAttribute, stringAttribute } from "../attributes.ts";
import { shapeLabel } from "../label.ts";
import { DataType } from "../proto.ts";
import { slidingWindow } from "../sliding-window.ts";
import { broadcastDims, fail, input, type ShapeRule, type ShapeRules } from "./shape-rule.ts";

const conv: ShapeRule = (c) => {
  const x = input(c, 0);
  const w = input(c, 1);
  const group = intAttribute(c.node, "group", 1);
  if (x.dims.length < 3 || w.dims.length !== x.dims.length)
    fail(c, "input and weight must have equal rank, at least 3");
  if (x.dims[1] !== w.dims[1]! * group || w.dims[0]! % group !== 0) fail(c, `channels do not fit ${group} group(s)`);
  const kernel = intsAttribute(c.node, "kernel_shape");
  if (kernel && kernel.join() !== w.dims.slice(2).join())
    fail(c, `kernel_shape ${shapeLabel(kernel)} is not the weight's`);
  const bias = c.inputs[2];
  if (bias && (bias.dims.length !== 1 || bias.dims[0] !== w.dims[0])) fail(c, "bias does not fit the output channels");
  const { out } = slidingWindow(c.node, x.dims.slice(2), w.dims.slice(2));
  return [{ elemType: x.elemType, dims: [x.dims[0]!, w.dims[0]!, ...out] }];
};

const convTranspose: ShapeRule = (c) => {
  const x = input(c, 0);
  const w = input(c, 1);
  const group = intAttribute(c.node, "group", 1);
  if (x.dims.length < 3 || w.dims.length !== x.dims.length)
    fail(c, "input and weight must have equal rank, at least 3");
  if (x.dims[1] !== w.dims[0] || w.dims[0]! % group !== 0) fail(c, `channels do not fit ${group} group(s)`);
  const spatial = x.dims.slice(2);
  const strides = intsAttribute(c.node, "strides") ?? spatial.map(() => 1);
  const extra = intsAttribute(c.node, "output_padding") ?? spatial.map(() => 0);
  const dilations = intsAttribute(c.node, "dilations") ?? spatial.map(() => 1);
  const autoPad = stringAttribute(c.node, "auto_pad", "NOTSET");
  const given = autoPad === "NOTSET" ? intsAttribute(c.node, "pads") : undefined;
  const pads = given ?? [...spatial, ...spatial].map(() => 0);
  const full = spatial.map((size, i) => {
    const extent = (w.dims[2 + i]! - 1) * dilations[i]! + 1;
    return strides[i]! * (size - 1) + extra[i]! + extent - pads[i]! - pads[i + spatial.length]!;
  });
  const same = autoPad.startsWith("SAME") ? spatial.map((size, i) => size * strides[i]!) : undefined;
  const out = intsAttribute(c.node, "output_shape") ?? same ?? full;
  return [{ elemType: x.elemType, dims: [x.dims[0]!, w.dims[1]! * group, ...out] }];
};

const pool: ShapeRule = (c) => {
  const x = input(c, 0);
  const kernel = intsAttribute(c.node, "kernel_shape") ?? fail(c, "kernel_shape is missing");
  const { out } = slidingWindow(c.node, x.dims.slice(2), kernel);
  const y = { elemType: x.elemType, dims: [x.dims[0]!, x.dims[1]!, ...out] };
  return [y, { elemType: DataType.INT64, dims: y.dims }];
};

const globalPool: ShapeRule = (c) => {
  const x = input(c, 0);
  if (x.dims.length < 3) fail(c, "input needs spatial dimensions");
  return [{ elemType: x.elemType, dims: x.dims.map((d, i) => (i < 2 ? d : 1)) }];
};

const batchNorm: ShapeRule = (c) => {
  const x = input(c, 0);
  const channels = x.dims[1] ?? fail(c, "input needs a channel dimension");
  for (let i = 1; i < 5; i++)
    if (sizeOf(input(c, i).dims) !== channels) fail(c, `input ${i} does not fit ${channels} channels`);
  const stat = { elemType: x.elemType, dims: [channels] };
  return [{ elemType: x.elemType, dims: x.dims }, stat, stat];
};

const gemm: ShapeRule = (c) => {
  const a = input(c, 0);
  const b = input(c, 1);
  if (a.dims.length !== 2 || b.dims.length !== 2) fail(c, "both inputs must be matrices");
  const [m, k] = intAttribute(c.node, "transA", 0) ? [a.dims[1]!, a.dims[0]!] : [a.dims[0]!, a.dims[1]!];
  const [k2, n] = intAttribute(c.node, "transB", 0) ? [b.dims[1]!, b.dims[0]!] : [b.dims[0]!, b.dims[1]!];
  if (k !== k2) fail(c, `inner dimensions ${k} and ${k2} differ`);
  const bias = c.inputs[2];
  if (bias && broadcastDims(bias.dims, [m, n])?.join() !== [m, n].join()) fail(c, "bias does not fit the output");
  return [{ elemType: a.elemType, dims: [m, n] }];
};

const matmul: ShapeRule = (c) => {
  const swap = (dims: readonly number[], on: boolean): number[] =>
    on ? [...dims.slice(0, -2), dims[dims.length - 1]!, dims[dims.length - 2]!] : [...dims];
  const a = swap(input(c, 0).dims, intAttribute(c.node, "transA", 0) === 1);
  const b = swap(input(c, 1).dims, intAttribute(c.node, "transB", 0) === 1);
  const left = a.length === 1 ? [1, ...a] : a;
  const right = b.length === 1 ? [...b, 1] : b;
  if (left[left.length - 1] !== right[right.length - 2]) fail(c, "inner dimensions differ");
  const batch = broadcastDims(left.slice(0, -2), right.slice(0, -2)) ?? fail(c, "batch dimensions do not broadcast");
  const tail = [
    ...(a.length === 1 ? [] : [left[left.length - 2]!]),
    ...(b.length === 1 ? [] : [right[right.length - 1]!]),
  ];
  return [{ elemType: input(c, 0).elemType, dims: [...batch, ...tail] }];
};

export const layerRules: ShapeRules = {
  Conv: conv,
  ConvTranspose: convTranspose,
  Gemm: gemm,
  MatMul: matmul,
  BatchNormalization: batchNorm,
  AveragePool: pool,
  MaxPool: pool,
  LpPool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  "com.microsoft:FusedMatMul": matmul,
  "com.microsoft.nchwc:Conv": conv,
};
