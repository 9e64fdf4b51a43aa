// Shapes behind what computes nothing: values are cut, joined, reordered or repeated.

import { sizeOf } from "../../tensor.ts";
import { intAttribute, intsAttribute } from "../attributes.ts";
import { shapeLabel } from "../label.ts";
import { MAX_RANK, MAX_VALUES } from "../tensor-info.ts";
import { axesOf, axisOf, broadcastDims, constant, fail, input, type ShapeRule, type ShapeRules } from "./shape-rule.ts";

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

const expand: ShapeRule = (c) => {
  const x = input(c, 0);
  return [{ elemType: x.elemType, dims: broadcastDims(x.dims, constant(c, 1)) ?? fail(c, "shapes do not broadcast") }];
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

export const arrangementRules: ShapeRules = {
  Concat: concat,
  Slice: slice,
  Pad: pad,
  Split: split,
  Gather: gather,
  Expand: expand,
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Resize: resize,
  SpaceToDepth: spaceToDepth,
  DepthToSpace: depthToSpace,
  "com.microsoft.nchwc:ReorderOutput": reorderOutput,
};
