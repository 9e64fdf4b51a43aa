// Shapes of what is known in advance: constants, and shapes as values.

import { sizeOf } from "../../tensor.ts";
import { hasAttribute, intAttribute, intsAttribute, tensorAttribute } from "../attributes.ts";
import { DataType } from "../proto.ts";
import { infoOf, MAX_VALUES } from "../tensor-info.ts";
import { intValues } from "../tensor-values.ts";
import { constant, fail, input, type ShapeRule, type ShapeRules } from "./shape-rule.ts";

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

export const constantRules: ShapeRules = {
  Shape: shape,
  Constant: constantNode,
  ConstantOfShape: constantOfShape,
};
