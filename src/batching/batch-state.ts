// States of several images as one batch, and rows of it again. Nothing is copied where a batch goes on as it is.

import type { TensorMemory } from "../engine/boundary-packet.ts";
import type { BoundaryState } from "../engine/sliced-network.ts";
import type { Tensor, TensorData } from "../tensor.ts";

/** One image's part of a state. */
export interface Row {
  readonly state: BoundaryState;
  /** Which of the images in `state`. */
  readonly index: number;
  /** How many images `state` holds. */
  readonly of: number;
}

export function rowsOf(state: BoundaryState, count: number): Row[] {
  return Array.from({ length: count }, (_, index) => ({ state, index, of: count }));
}

/**
 * @param rows at the same cut, in the same layout; at least one
 * @param memory for what has to be copied
 * @returns a state of as many images, in their order
 */
export function joinRows(rows: readonly Row[], memory?: TensorMemory): BoundaryState {
  const [first] = rows;
  const { state, of } = first!;
  if (rows.length === of && rows.every((row, i) => row.state === state && row.index === i)) return state;
  const tensors: Record<string, Tensor> = {};
  for (const name of Object.keys(state.tensors)) tensors[name] = joinTensors(name, rows, memory);
  return { ...state, tensors };
}

function joinTensors(name: string, rows: readonly Row[], memory: TensorMemory | undefined): Tensor {
  const [first] = rows;
  const { type, dims } = first!.state.tensors[name]!;
  const parts = rows.map(({ state, index, of }) => rowOf(state.tensors[name]!.data, index, of));
  return {
    type,
    dims: [rows.length, ...dims.slice(1)],
    data: parts.length === 1 ? parts[0]! : concatenate(parts, memory),
  };
}

/** A view. */
function rowOf(data: TensorData, index: number, of: number): TensorData {
  const size = data.length / of;
  return data.subarray(index * size, (index + 1) * size);
}

/** @param parts of the same type and size */
function concatenate(parts: readonly TensorData[], memory: TensorMemory | undefined): TensorData {
  const size = parts[0]!.length;
  const { buffer, byteOffset, byteLength } = parts[0]!;
  const isOneView = parts.every((part, i) => part.buffer === buffer && part.byteOffset === byteOffset + i * byteLength);
  const make = parts[0]!.constructor as new (
    from: ArrayBufferLike | number,
    offset?: number,
    length?: number,
  ) => TensorData;
  if (isOneView) return new make(buffer, byteOffset, size * parts.length);
  const isFloat32 = parts[0] instanceof Float32Array;
  const joined = memory && isFloat32 ? memory.take(size * parts.length) : new make(size * parts.length);
  const set = joined.set as (from: TensorData, offset: number) => void;
  for (const [i, part] of parts.entries()) set.call(joined, part, i * size);
  return joined;
}
