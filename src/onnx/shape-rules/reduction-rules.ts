// Shapes behind what sums, averages or searches along axes.

import { intAttribute } from "../attributes.ts";
import { DataType } from "../proto.ts";
import { axesOf, axisOf, input, type ShapeRule, type ShapeRules } from "./shape-rule.ts";

const reduce: ShapeRule = (c) => {
  const { dims, elemType } = input(c, 0);
  const noop = intAttribute(c.node, "noop_with_empty_axes", 0) === 1;
  const found = axesOf(c, dims.length);
  const axes = found?.length ? found : noop ? [] : dims.map((_, i) => i);
  const keep = intAttribute(c.node, "keepdims", 1) === 1;
  const out = keep ? dims.map((d, i) => (axes.includes(i) ? 1 : d)) : dims.filter((_, i) => !axes.includes(i));
  return [{ elemType, dims: out }];
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

export const reductionRules: ShapeRules = {
  ReduceMean: reduce,
  ReduceSum: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  ReduceSumSquare: reduce,
  ArgMax: argMax,
};
