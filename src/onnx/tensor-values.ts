// The numbers inside a TensorProto, wherever the file keeps them (raw bytes or typed fields), as typed arrays.

import { SpinnError } from "../errors.ts";
import { sizeOf, type Tensor, type TensorData, type TensorType } from "../tensor.ts";
import { label } from "./label.ts";
import { DataLocation, DataType, type TensorProto } from "./proto.ts";

const READERS = {
  [DataType.FLOAT]: { type: "float32", array: Float32Array, typed: (t: TensorProto) => t.floatData },
  [DataType.DOUBLE]: { type: "float64", array: Float64Array, typed: (t: TensorProto) => t.doubleData },
  [DataType.UINT8]: { type: "uint8", array: Uint8Array, typed: (t: TensorProto) => t.int32Data },
  // Booleans are bytes, 0 or 1, everywhere in the project.
  [DataType.BOOL]: { type: "uint8", array: Uint8Array, typed: (t: TensorProto) => t.int32Data },
  [DataType.INT8]: { type: "int8", array: Int8Array, typed: (t: TensorProto) => t.int32Data },
  [DataType.INT32]: { type: "int32", array: Int32Array, typed: (t: TensorProto) => t.int32Data },
  [DataType.INT64]: { type: "int64", array: BigInt64Array, typed: (t: TensorProto) => t.int64Data },
} as const satisfies Partial<Record<DataType, { type: TensorType; array: unknown; typed: unknown }>>;

export function dimsOf(tensor: TensorProto): number[] {
  return tensor.dims.map(Number);
}

/** Width of an element type; undefined for one that we do not have. */
export function bytesPerElement(dataType: number): number | undefined {
  return READERS[dataType as keyof typeof READERS]?.array.BYTES_PER_ELEMENT;
}

/**
 * The values of an initializer.
 *
 * @throws {SpinnError} InvalidModel when the bytes do not fill the shape; UnsupportedModel for other element types or
 *   external data that has not been loaded
 */
export function tensorValues(tensor: TensorProto): Tensor {
  const dims = dimsOf(tensor);
  const reader = READERS[tensor.dataType as keyof typeof READERS];
  if (!reader) {
    const type = DataType[tensor.dataType] ?? tensor.dataType;
    throw new SpinnError("UnsupportedModel", `Tensor ${label(tensor.name)} has element type ${type}`);
  }
  if (tensor.dataLocation === DataLocation.EXTERNAL) {
    throw new SpinnError(
      "UnsupportedModel",
      `Tensor ${label(tensor.name)} lies in an external file that was not loaded`,
    );
  }
  const size = sizeOf(dims);
  const data = readData(tensor, reader);
  if (data.length !== size) {
    throw new SpinnError(
      "InvalidModel",
      `Tensor ${label(tensor.name)} holds ${data.length} values, its shape wants ${size}`,
    );
  }
  return { type: reader.type, dims, data };
}

function readData(tensor: TensorProto, reader: (typeof READERS)[keyof typeof READERS]): TensorData {
  const raw = tensor.rawData;
  if (raw.byteLength > 0) {
    if (raw.byteLength % reader.array.BYTES_PER_ELEMENT !== 0) {
      throw new SpinnError(
        "InvalidModel",
        `Tensor ${label(tensor.name)} has ${raw.byteLength} bytes of ${reader.type}`,
      );
    }
    // A copy, because protobuf gives no promise on alignment. (Not slice(): a Buffer's shares the memory.)
    return new reader.array(new Uint8Array(raw).buffer);
  }
  if (reader.type === "int64") return BigInt64Array.from(reader.typed(tensor));
  return reader.array.from(reader.typed(tensor));
}

/** The values of a float32 initializer. @throws {SpinnError} UnsupportedModel for another type */
export function floatValues(tensor: TensorProto): Float32Array {
  const { data } = tensorValues(tensor);
  if (data instanceof Float32Array) return data;
  throw new SpinnError("UnsupportedModel", `Tensor ${label(tensor.name)} is not float32`);
}

/** The values of an integer initializer as numbers. */
export function intValues(tensor: TensorProto): number[] {
  return Array.from(tensorValues(tensor).data as Iterable<number | bigint>, Number);
}
