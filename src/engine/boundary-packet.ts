// What is alive at a cut as a packet, and back (SPINN's CNN communication optimiser, seen from the network). Whatever comes
// is compared with the network before it is unpacked.

import { invalidFrame } from "../codec/invalid-frame.ts";
import { type Coding, decodeTensor, encodeTensor, type PackedTensor } from "../codec/packed-tensor.ts";
import { decodePacket, encodePacket, type PacketLimits } from "../codec/packet.ts";
import { SpinnError } from "../errors.ts";
import { label, shapeLabel } from "../onnx/label.ts";
import { float32, sizeOf, type Tensor } from "../tensor.ts";
import { indexOfCut } from "./cut-index.ts";
import type { CutPoint, NetworkInfo } from "./network-info.ts";
import type { BoundaryState } from "./sliced-network.ts";

/** The paper's: bit-shuffled, LZ4, 8 bits. */
export const defaultCoding: Coding = { codec: "lz4", bits: 8 };

/** Where values may be put, by whoever wants to use the memory again. */
export interface TensorMemory {
  /** So many values, whatever they are. */
  take(length: number): Float32Array;
}

/** More than magic, hash, checksum, a header and its name can take. */
const MAX_OVERHEAD_BYTES = 2048;

/**
 * @param state portable, of one image
 * @returns the packet in memory of its own
 * @throws {RangeError} when the network has no such cut
 * @throws {SpinnError} Runtime when the network has computed values that are not finite; UnsupportedModel when they are not
 *   float32
 */
export function packState(network: NetworkInfo, state: BoundaryState, coding: Coding): Uint8Array<ArrayBuffer> {
  const { id, tensors } = cutOf(network, state.cut);
  const packed = tensors.map(({ name, shape }) => packTensor(id, name, shape, state.tensors[name]?.data, coding));
  return encodePacket({ modelHash: network.modelHash, cut: id, tensors: packed });
}

function packTensor(
  cut: string,
  name: string,
  shape: readonly number[],
  values: Tensor["data"] | undefined,
  coding: Coding,
): PackedTensor {
  if (!(values instanceof Float32Array))
    throw new SpinnError("UnsupportedModel", `Cut ${label(cut)} needs ${label(name)}, which is not float32`, {
      hint: "Choose another cut",
    });
  try {
    return encodeTensor({ name, shape, values }, coding);
  } catch (cause) {
    // coding and shape are known to be right: what is left are values that the network has computed
    if (!(cause instanceof RangeError)) throw cause;
    throw new SpinnError("Runtime", `At cut ${label(cut)} the network gives values that cannot be packed`, { cause });
  }
}

/**
 * @param cut where whoever sent the packet says that it belongs
 * @param memory for the values
 * @throws {RangeError} when the network has no such cut
 * @throws {SpinnError} InvalidFrame when it is not a packet of this network and cut, or holds values that are not finite
 */
export function unpackState(
  network: NetworkInfo,
  cut: string,
  bytes: Uint8Array,
  memory?: TensorMemory,
): BoundaryState {
  const { tensors: expected } = cutOf(network, cut);
  const packet = decodePacket(bytes, limitsOf(expected));
  if (!packet.modelHash.every((byte, i) => byte === network.modelHash[i]))
    throw invalidFrame("packet", "it is of another network");
  if (packet.cut !== cut) throw invalidFrame("packet", `it is of cut ${label(packet.cut)}, not ${label(cut)}`);
  if (packet.tensors.length !== expected.length)
    throw invalidFrame("packet", `cut ${label(cut)} has ${expected.length} tensors, not ${packet.tensors.length}`);
  for (const [i, { name, shape }] of packet.tensors.entries()) {
    const want = expected[i]!;
    if (name !== want.name || shape.length !== want.shape.length || shape.some((dim, d) => dim !== want.shape[d])) {
      const [found, right] = [label(name) + shapeLabel(shape), label(want.name) + shapeLabel(want.shape)];
      throw invalidFrame("packet", `it holds ${found} instead of ${right}`);
    }
  }
  const tensors: Record<string, Tensor> = {};
  for (const tensor of packet.tensors) tensors[tensor.name] = float32(unpackTensor(tensor, memory), tensor.shape);
  return { cut, tensors, portable: true };
}

function unpackTensor(tensor: PackedTensor, memory: TensorMemory | undefined): Float32Array {
  // of quantised values the two ends tell, before anything is unpacked
  const { bits, scale, zeroPoint } = tensor;
  const ends = [-zeroPoint * scale, (2 ** bits - 1 - zeroPoint) * scale].map(Math.fround);
  const isQuantized = tensor.codec !== "float32";
  const values =
    isQuantized && !ends.every(Number.isFinite) ? undefined : decodeTensor(tensor, memory?.take(sizeOf(tensor.shape)));
  if (values && (isQuantized || allFinite(values))) return values;
  throw invalidFrame("packet", `${label(tensor.name)} holds values that are not finite`);
}

/** What the cut really has, and room for what describes it. */
function limitsOf(tensors: CutPoint["tensors"]): PacketLimits {
  const maxTensorBytes = tensors.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
  const maxPacketBytes = maxTensorBytes + MAX_OVERHEAD_BYTES * (1 + tensors.length);
  return { maxPacketBytes, maxTensorBytes, maxTensors: tensors.length };
}

function allFinite(values: Float32Array): boolean {
  let sum = 0; // becomes NaN with the first that is not
  for (let i = 0; i < values.length; i++) sum += values[i]! * 0;
  return sum === 0;
}

/** @throws {RangeError} when the network has no such cut */
export function cutOf(network: NetworkInfo, id: string): CutPoint {
  const cut = network.cuts[indexOfCut(network, id)];
  if (cut) return cut;
  throw new RangeError(`The network has no cut ${label(id)}`);
}
