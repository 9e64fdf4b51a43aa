// Shape inference: one table from operator to the types of its outputs, for the operators of image classifiers and of
// the training graphs that we make from them. Operator definitions: ONNX Operators.md, opset 11 to 21.

import { SpinnError } from "../errors.ts";
import { sizeOf } from "../tensor.ts";
import {
  floatAttribute,
  hasAttribute,
  intAttribute,
  intsAttribute,
  stringAttribute,
  tensorAttribute,
} from "./attributes.ts";
import { graphOf } from "./graph-index.ts";
import { label, nodeLabel, shapeLabel } from "./label.ts";
import { DataType, declaredType, type ModelProto, type NodeProto, opsetOf, type TensorProto } from "./proto.ts";
import { dimsOf, intValues } from "./tensor-values.ts";

/** What is known of a tensor before running anything. */
export interface TensorInfo {
  readonly elemType: DataType;
  readonly dims: readonly number[];
  /** The values themselves, for small integer tensors that are known in advance: shapes, axes, pads. */
  readonly values?: readonly number[];
}

/** Integer tensors up to this size are followed by value: enough for any list of dimensions, axes or pads. */
const MAX_VALUES = 4096;
/** More dimensions than this are an attack on us, not a network. */
export const MAX_RANK = 32;
/** Larger tensors are refused: no classifier has them, and below it sizes are exact. */
export const MAX_ELEMENTS: number = 2 ** 31;

interface Context {
  readonly node: NodeProto;
  readonly opset: number;
  /** All inputs; an omitted optional input is undefined. */
  readonly inputs: readonly (TensorInfo | undefined)[];
}

type ShapeRule = (c: Context) => TensorInfo[];

function fail(c: Context, why: string): never {
  const shapes = c.inputs.slice(0, 8).map((i) => (i ? shapeLabel(i.dims) : "-"));
  throw new SpinnError("InvalidModel", `${nodeLabel(c.node)} on ${shapes.join(" ")}: ${why}`);
}

function input(c: Context, index: number): TensorInfo {
  return c.inputs[index] ?? fail(c, `input ${index} is missing`);
}

function constant(c: Context, index: number): readonly number[] {
  return input(c, index).values ?? fail(c, `input ${index} must be a constant`);
}

function axisOf(c: Context, axis: number, rank: number): number {
  const a = axis < 0 ? axis + rank : axis;
  return a >= 0 && a < rank ? a : fail(c, `axis ${axis} is outside rank ${rank}`);
}

/** Axes as an attribute (older opsets) or an input (newer ones); undefined means all. */
function axesOf(c: Context, rank: number): number[] | undefined {
  const axes = intsAttribute(c.node, "axes") ?? (c.inputs[1] ? constant(c, 1) : undefined);
  return axes?.map((a) => axisOf(c, a, rank));
}

export function broadcastDims(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const out: number[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    out.push(x === 1 ? y : x);
  }
  return out;
}

const same: ShapeRule = (c) => [{ elemType: input(c, 0).elemType, dims: input(c, 0).dims }];
const identity: ShapeRule = (c) => [input(c, 0)];

const broadcast: ShapeRule = (c) => {
  let dims: readonly number[] = input(c, 0).dims;
  for (let i = 1; i < c.inputs.length; i++) {
    dims = broadcastDims(dims, input(c, i).dims) ?? fail(c, "shapes do not broadcast");
  }
  return [{ elemType: input(c, 0).elemType, dims }];
};

const compare: ShapeRule = (c) => broadcast(c).map((o) => ({ ...o, elemType: DataType.BOOL }));

const reduce: ShapeRule = (c) => {
  const { dims, elemType } = input(c, 0);
  const noop = intAttribute(c.node, "noop_with_empty_axes", 0) === 1;
  const found = axesOf(c, dims.length);
  const axes = found?.length ? found : noop ? [] : dims.map((_, i) => i);
  const keep = intAttribute(c.node, "keepdims", 1) === 1;
  const out = keep ? dims.map((d, i) => (axes.includes(i) ? 1 : d)) : dims.filter((_, i) => !axes.includes(i));
  return [{ elemType, dims: out }];
};

export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Begin of every spatial axis, then end of every one. */
  readonly pads: readonly number[];
  readonly out: readonly number[];
}

/** The sliding window of a convolution or pooling node over the spatial dimensions `spatial`, `auto_pad` resolved. */
export function slidingWindow(node: NodeProto, spatial: readonly number[], kernel: readonly number[]): Window {
  const rank = spatial.length;
  const ones = spatial.map(() => 1);
  const strides = intsAttribute(node, "strides") ?? ones;
  const dilations = intsAttribute(node, "dilations") ?? ones;
  const autoPad = stringAttribute(node, "auto_pad", "NOTSET");
  const given = intsAttribute(node, "pads") ?? [...ones, ...ones].map(() => 0);
  if (strides.length !== rank || dilations.length !== rank || given.length !== 2 * rank || kernel.length !== rank) {
    throw new SpinnError("InvalidModel", `${nodeLabel(node)}: window attributes do not fit rank ${rank}`);
  }
  const ceil = intAttribute(node, "ceil_mode", 0) === 1;
  const pads = [...given];
  const out = spatial.map((size, i) => {
    const extent = (kernel[i]! - 1) * dilations[i]! + 1;
    const stride = strides[i]!;
    if (autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER") {
      const steps = Math.ceil(size / stride);
      const total = Math.max(0, (steps - 1) * stride + extent - size);
      const small = Math.floor(total / 2);
      pads[i] = autoPad === "SAME_UPPER" ? small : total - small;
      pads[i + rank] = total - pads[i]!;
      return steps;
    }
    if (autoPad === "VALID") pads[i] = pads[i + rank] = 0;
    const span = size + pads[i]! + pads[i + rank]! - extent;
    if (!(span >= 0 && stride > 0)) {
      throw new SpinnError("InvalidModel", `${nodeLabel(node)}: window larger than its input`);
    }
    let steps = (ceil ? Math.ceil(span / stride) : Math.floor(span / stride)) + 1;
    // The last window must start inside the image or its left padding (ONNX, ceil_mode).
    if (ceil && (steps - 1) * stride >= size + pads[i]!) steps--;
    return steps;
  });
  return { kernel, strides, dilations, pads, out };
}

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

const concat: ShapeRule = (c) => {
  const first = input(c, 0);
  const axis = axisOf(c, intAttribute(c.node, "axis", 0), first.dims.length);
  let total = 0;
  let values: number[] | undefined = [];
  for (let i = 0; i < c.inputs.length; i++) {
    const { dims, values: known } = input(c, i);
    const fits = dims.length === first.dims.length && dims.every((d, k) => k === axis || d === first.dims[k]);
    if (!fits) fail(c, "inputs differ outside the concatenated axis");
    total += dims[axis]!;
    values = known && values && values.length + known.length <= MAX_VALUES ? [...values, ...known] : undefined;
  }
  const dims = first.dims.map((d, i) => (i === axis ? total : d));
  return [{ elemType: first.elemType, dims, ...(values && dims.length === 1 ? { values } : {}) }];
};

const slice: ShapeRule = (c) => {
  const x = input(c, 0);
  const starts = constant(c, 1);
  const ends = constant(c, 2);
  const axes = c.inputs[3] ? constant(c, 3) : starts.map((_, i) => i);
  const steps = c.inputs[4] ? constant(c, 4) : starts.map(() => 1);
  const dims = [...x.dims];
  let values = x.values;
  axes.forEach((rawAxis, i) => {
    const axis = axisOf(c, rawAxis, dims.length);
    const size = dims[axis]!;
    const step = steps[i]!;
    if (step === 0) fail(c, "step is 0");
    const clamp = (v: number, low: number, high: number): number => Math.min(Math.max(v < 0 ? v + size : v, low), high);
    const start = step > 0 ? clamp(starts[i]!, 0, size) : clamp(starts[i]!, 0, size - 1);
    const end = step > 0 ? clamp(ends[i]!, 0, size) : clamp(ends[i]!, -1, size - 1);
    dims[axis] = Math.max(0, Math.ceil((end - start) / step));
    values =
      values && dims.length === 1 ? Array.from({ length: dims[0]! }, (_, k) => values![start + k * step]!) : undefined;
  });
  return [{ elemType: x.elemType, dims, ...(values ? { values } : {}) }];
};

const pad: ShapeRule = (c) => {
  const x = input(c, 0);
  const pads = intsAttribute(c.node, "pads") ?? constant(c, 1);
  const axes = c.inputs[3] ? constant(c, 3).map((a) => axisOf(c, a, x.dims.length)) : x.dims.map((_, i) => i);
  if (pads.length !== 2 * axes.length) fail(c, "pads do not fit the axes");
  const dims = [...x.dims];
  axes.forEach((axis, i) => {
    dims[axis] = dims[axis]! + pads[i]! + pads[i + axes.length]!;
  });
  if (dims.some((d) => d < 0)) fail(c, "pads remove more than there is");
  return [{ elemType: x.elemType, dims }];
};

const reshape: ShapeRule = (c) => {
  const x = input(c, 0);
  const wanted = constant(c, 1);
  const zeroIsZero = intAttribute(c.node, "allowzero", 0) === 1;
  const dims = wanted.map((d, i) =>
    d === 0 && !zeroIsZero ? (x.dims[i] ?? fail(c, "0 copies a missing dimension")) : d,
  );
  const free = dims.indexOf(-1);
  const total = sizeOf(x.dims);
  if (free >= 0) dims[free] = total / sizeOf(dims.filter((_, i) => i !== free));
  if (sizeOf(dims) !== total || !dims.every((d) => Number.isInteger(d) && d >= 0))
    fail(c, `cannot become ${shapeLabel(wanted)}`);
  return [{ ...x, dims }];
};

const flatten: ShapeRule = (c) => {
  const x = input(c, 0);
  const raw = intAttribute(c.node, "axis", 1);
  const axis = raw < 0 ? raw + x.dims.length : raw;
  return [{ elemType: x.elemType, dims: [sizeOf(x.dims.slice(0, axis)), sizeOf(x.dims.slice(axis))] }];
};

const transpose: ShapeRule = (c) => {
  const x = input(c, 0);
  const perm = intsAttribute(c.node, "perm") ?? x.dims.map((_, i) => x.dims.length - 1 - i);
  if (perm.length !== x.dims.length) fail(c, "perm does not fit the rank");
  return [{ elemType: x.elemType, dims: perm.map((p) => x.dims[p] ?? fail(c, "perm names a missing axis")) }];
};

const split: ShapeRule = (c) => {
  const x = input(c, 0);
  const axis = axisOf(c, intAttribute(c.node, "axis", 0), x.dims.length);
  const count = c.node.output.length;
  const sizes =
    intsAttribute(c.node, "split") ??
    (c.inputs[1] ? constant(c, 1) : undefined) ??
    Array.from({ length: count }, (_, i) => {
      const part = Math.ceil(x.dims[axis]! / count);
      return Math.min(part, x.dims[axis]! - i * part);
    });
  if (sizes.length !== count || sizes.reduce((a, b) => a + b, 0) !== x.dims[axis]) fail(c, "parts do not add up");
  return sizes.map((size) => ({ elemType: x.elemType, dims: x.dims.map((d, i) => (i === axis ? size : d)) }));
};

const squeeze: ShapeRule = (c) => {
  const x = input(c, 0);
  const axes = axesOf(c, x.dims.length) ?? x.dims.flatMap((d, i) => (d === 1 ? [i] : []));
  return [{ ...x, dims: x.dims.filter((_, i) => !axes.includes(i)) }];
};

const unsqueeze: ShapeRule = (c) => {
  const x = input(c, 0);
  const raw = intsAttribute(c.node, "axes") ?? constant(c, 1);
  if (raw.length > MAX_RANK) fail(c, `rank above ${MAX_RANK}`);
  const axes = raw.map((a) => axisOf(c, a, x.dims.length + raw.length));
  const rest = [...x.dims];
  const dims = Array.from({ length: x.dims.length + axes.length }, (_, i) => (axes.includes(i) ? 1 : rest.shift()!));
  return [{ ...x, dims }];
};

const gather: ShapeRule = (c) => {
  const x = input(c, 0);
  const indices = input(c, 1);
  const axis = axisOf(c, intAttribute(c.node, "axis", 0), x.dims.length);
  const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)];
  const known =
    x.values && x.dims.length === 1
      ? indices.values?.map((i) => x.values!.at(i) ?? fail(c, "index outside"))
      : undefined;
  return [{ elemType: x.elemType, dims, ...(known ? { values: known } : {}) }];
};

const shape: ShapeRule = (c) => {
  const { dims } = input(c, 0);
  const start = intAttribute(c.node, "start", 0);
  const values = dims.slice(start, hasAttribute(c.node, "end") ? intAttribute(c.node, "end", 0) : undefined);
  return [{ elemType: DataType.INT64, dims: [values.length], values }];
};

const constantNode: ShapeRule = (c) => {
  const tensor = tensorAttribute(c.node, "value");
  if (tensor) return [infoOf(tensor)];
  if (hasAttribute(c.node, "value_float")) return [{ elemType: DataType.FLOAT, dims: [] }];
  if (hasAttribute(c.node, "value_int")) {
    return [{ elemType: DataType.INT64, dims: [], values: [intAttribute(c.node, "value_int", 0)] }];
  }
  const ints = intsAttribute(c.node, "value_ints");
  if (ints?.length) return [{ elemType: DataType.INT64, dims: [ints.length], values: ints }];
  return fail(c, "this form of constant is not supported");
};

const constantOfShape: ShapeRule = (c) => {
  const value = tensorAttribute(c.node, "value");
  const dims = constant(c, 0);
  const elemType = value ? value.dataType : DataType.FLOAT;
  const fill = elemType === DataType.INT64 && value ? intValues(value)[0]! : undefined;
  const known =
    fill !== undefined && sizeOf(dims) <= MAX_VALUES ? { values: new Array<number>(sizeOf(dims)).fill(fill) } : {};
  return [{ elemType, dims, ...known }];
};

const cast: ShapeRule = (c) => [{ ...input(c, 0), elemType: intAttribute(c.node, "to", DataType.FLOAT) }];

const expand: ShapeRule = (c) => {
  const x = input(c, 0);
  return [{ elemType: x.elemType, dims: broadcastDims(x.dims, constant(c, 1)) ?? fail(c, "shapes do not broadcast") }];
};

const where: ShapeRule = (c) => {
  const pair = broadcastDims(input(c, 1).dims, input(c, 2).dims) ?? fail(c, "shapes do not broadcast");
  const dims = broadcastDims(input(c, 0).dims, pair) ?? fail(c, "shapes do not broadcast");
  return [{ elemType: input(c, 1).elemType, dims }];
};

const argMax: ShapeRule = (c) => {
  const { dims } = input(c, 0);
  const axis = axisOf(c, intAttribute(c.node, "axis", 0), dims.length);
  const keep = intAttribute(c.node, "keepdims", 1) === 1;
  return [
    {
      elemType: DataType.INT64,
      dims: keep ? dims.map((d, i) => (i === axis ? 1 : d)) : dims.filter((_, i) => i !== axis),
    },
  ];
};

const resize: ShapeRule = (c) => {
  const x = input(c, 0);
  const sizes = c.inputs[3] ? constant(c, 3) : fail(c, "only Resize with constant sizes is supported");
  return [{ elemType: x.elemType, dims: sizes }];
};

const spaceToDepth: ShapeRule = (c) => {
  const [n, ch, h, w] = input(c, 0).dims;
  const b = intAttribute(c.node, "blocksize", 1);
  return [{ elemType: input(c, 0).elemType, dims: [n!, ch! * b * b, h! / b, w! / b] }];
};

const depthToSpace: ShapeRule = (c) => {
  const [n, ch, h, w] = input(c, 0).dims;
  const b = intAttribute(c.node, "blocksize", 1);
  return [{ elemType: input(c, 0).elemType, dims: [n!, ch! / (b * b), h! * b, w! * b] }];
};

/** Blocked layouts pad the channels; the way back names how many there are. */
const reorderOutput: ShapeRule = (c) => {
  const x = input(c, 0);
  const channels = intAttribute(c.node, "channels", 0);
  return [{ elemType: x.elemType, dims: x.dims.map((d, i) => (i === 1 ? channels : d)) }];
};

const dropout: ShapeRule = (c) => [...same(c), { elemType: DataType.BOOL, dims: input(c, 0).dims }];

const dynamicQuantize: ShapeRule = (c) => [
  { elemType: DataType.UINT8, dims: input(c, 0).dims },
  { elemType: DataType.FLOAT, dims: [] },
  { elemType: DataType.UINT8, dims: [] },
];
const quantize: ShapeRule = (c) => [{ elemType: c.inputs[2]?.elemType ?? DataType.UINT8, dims: input(c, 0).dims }];
const dequantize: ShapeRule = (c) => [{ elemType: DataType.FLOAT, dims: input(c, 0).dims }];

/** Operators by name; a custom domain stands before a colon. */
const shapeRules: Readonly<Record<string, ShapeRule>> = {
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
  ReduceMean: reduce,
  ReduceSum: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  ReduceSumSquare: reduce,
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
  Concat: concat,
  Slice: slice,
  Pad: pad,
  Split: split,
  Gather: gather,
  Expand: expand,
  Where: where,
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Identity: identity,
  Dropout: dropout,
  Shape: shape,
  Constant: constantNode,
  ConstantOfShape: constantOfShape,
  Cast: cast,
  ArgMax: argMax,
  Resize: resize,
  SpaceToDepth: spaceToDepth,
  DepthToSpace: depthToSpace,
  DynamicQuantizeLinear: dynamicQuantize,
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  "com.microsoft:FusedMatMul": matmul,
  "com.microsoft.nchwc:ReorderInput": same,
  "com.microsoft.nchwc:Conv": conv,
  "com.microsoft.nchwc:ReorderOutput": reorderOutput,
};

export function infoOf(tensor: TensorProto): TensorInfo {
  const dims = dimsOf(tensor);
  const integer = tensor.dataType === DataType.INT64 || tensor.dataType === DataType.INT32;
  return {
    elemType: tensor.dataType,
    dims,
    ...(integer && sizeOf(dims) <= MAX_VALUES ? { values: intValues(tensor) } : {}),
  };
}

/** Are these dimensions that a tensor of ours may have? */
export function isShape(dims: readonly number[]): boolean {
  return dims.length <= MAX_RANK && dims.every((d) => Number.isInteger(d) && d >= 0) && sizeOf(dims) < MAX_ELEMENTS;
}

/** Can we infer the shapes of this operator's outputs? */
export function isKnownOperator(node: NodeProto): boolean {
  return Object.hasOwn(shapeRules, ruleKey(node));
}

function ruleKey(node: NodeProto): string {
  return node.domain && node.domain !== "ai.onnx" ? `${node.domain}:${node.opType}` : node.opType;
}

/**
 * The types of one node's outputs.
 *
 * @throws {SpinnError} UnsupportedModel for an operator outside the table, InvalidModel where the shapes do not fit
 */
export function inferNode(node: NodeProto, inputs: readonly (TensorInfo | undefined)[], opset: number): TensorInfo[] {
  const rule = isKnownOperator(node) ? shapeRules[ruleKey(node)] : undefined;
  if (!rule) {
    throw new SpinnError(
      "UnsupportedModel",
      `${nodeLabel(node)} is an operator that is not known${node.domain ? `, of domain ${label(node.domain)}` : ""}`,
      { hint: "Export the network with the standard ONNX operators of image classifiers" },
    );
  }
  const c = { node, opset, inputs };
  const outputs = rule(c);
  for (const { dims } of outputs) if (!isShape(dims)) fail(c, `the output cannot have shape ${shapeLabel(dims)}`);
  return outputs;
}

/**
 * The type of every tensor of the graph, with all unknown dimensions of the inputs (the batch) set to `batch`.
 *
 * @throws {SpinnError} as {@link inferNode}, and InvalidModel when a node reads a tensor that nothing has made
 */
export function inferShapes(model: ModelProto, batch = 1): Map<string, TensorInfo> {
  const graph = graphOf(model);
  const opset = opsetOf(model);
  const types = new Map<string, TensorInfo>();
  for (const tensor of graph.initializer) types.set(tensor.name, infoOf(tensor));
  for (const info of graph.input) {
    if (types.has(info.name)) continue;
    const declared = declaredType(info);
    if (!declared?.dims) throw new SpinnError("UnsupportedModel", `Input ${label(info.name)} declares no shape`);
    types.set(info.name, {
      elemType: declared.elemType,
      dims: declared.dims.map((d) => (typeof d === "number" ? d : batch)),
    });
  }
  for (const node of graph.node) {
    const inputs = node.input.map((name) => {
      if (!name) return undefined;
      const type = types.get(name);
      if (type) return type;
      throw new SpinnError("InvalidModel", `${nodeLabel(node)} reads ${label(name)}, which nothing before it makes`);
    });
    const outputs = inferNode(node, inputs, opset);
    node.output.forEach((name, i) => {
      const type = outputs[i];
      if (name && type) types.set(name, type);
    });
  }
  return types;
}

/** BatchNormalization's epsilon, 1e-5 by definition. */
export function epsilonOf(node: NodeProto): number {
  return floatAttribute(node, "epsilon", 1e-5);
}
