// The tensor that crosses every boundary of the project: plain data, row-major.

export type TensorData = Float32Array | Float64Array | Uint8Array | Int8Array | Int32Array | BigInt64Array;

export type TensorType = "float32" | "float64" | "uint8" | "int8" | "int32" | "int64";

export interface Tensor {
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(dims: readonly number[]): number {
  let size = 1;
  for (const d of dims) size *= d;
  return size;
}

/** A float32 tensor over `data`, which is not copied. @throws {RangeError} when the sizes disagree */
export function float32(data: Float32Array, dims: readonly number[]): Tensor & { readonly data: Float32Array } {
  if (data.length !== sizeOf(dims)) throw new RangeError(`${data.length} values do not fill [${dims.join(", ")}]`);
  return { type: "float32", dims, data };
}

/** An int64 tensor over plain integers. */
export function int64(values: readonly number[], dims: readonly number[] = [values.length]): Tensor {
  return { type: "int64", dims, data: BigInt64Array.from(values, BigInt) };
}
