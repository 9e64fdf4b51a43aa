// What is known of a tensor before anything is run: its type, and what it may be at most.

import { sizeOf } from "../tensor.ts";
import { DataType, type TensorProto } from "./proto.ts";
import { dimsOf, intValues } from "./tensor-values.ts";

/** What is known of a tensor before running anything. */
export interface TensorInfo {
  readonly elemType: DataType;
  readonly dims: readonly number[];
  /** The values themselves, for small integer tensors that are known in advance: shapes, axes, pads. */
  readonly values?: readonly number[];
}

/** Integer tensors up to this size are followed by value: enough for any list of dimensions, axes or pads. */
export const MAX_VALUES = 4096;
/** More dimensions than this are an attack on us, not a network. */
export const MAX_RANK = 32;
/** Larger tensors are refused: no classifier has them, and below it sizes are exact. */
export const MAX_ELEMENTS: number = 2 ** 31;

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
