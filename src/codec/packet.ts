// The packet that carries what crosses a cut: which network, which cut, and every live tensor (docs/protocol.md, "Packet").

import { sizeOf } from "../tensor.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { codecIds, codecNamed } from "./codec-ids.ts";
import { invalidFrame } from "./invalid-frame.ts";
import { type CodecName, MAX_RANK, type PackedTensor } from "./packed-tensor.ts";
import { MAX_BITS, MIN_BITS } from "./quantize.ts";
import { xxhash32 } from "./xxhash32.ts";

export interface Packet {
  /** Which network: 16 bytes. */
  readonly modelHash: Uint8Array;
  /** `input`, or the id of a cut. */
  readonly cut: string;
  /** All live tensors of the cut, at least one. */
  readonly tensors: readonly PackedTensor[];
}

/** What the receiver is ready to take; all of it is checked before anything is allocated. */
export interface PacketLimits {
  /** Of the whole packet. @default 16 MiB */
  readonly maxPacketBytes?: number;
  /** Of all tensors together, as float32. @default 64 MiB */
  readonly maxTensorBytes?: number;
  /** @default 16 */
  readonly maxTensors?: number;
  /** Of the cut's id and of each name, in UTF-8. @default 1024 */
  readonly maxNameBytes?: number;
}

export const defaultPacketLimits: Required<PacketLimits> = {
  maxPacketBytes: 2 ** 24,
  maxTensorBytes: 2 ** 26,
  maxTensors: 16,
  maxNameBytes: 1024,
};

export const PACKET_VERSION = 1;
export const MODEL_HASH_BYTES = 16;
const MAGIC = 0x5053; // "SP"
const CHECKSUM_BYTES = 4;

/**
 * @returns the packet in memory of its own
 * @throws {RangeError} when the hash is not 16 bytes long, or there are no tensors or more than 255
 */
export function encodePacket({ modelHash, cut, tensors }: Packet): Uint8Array<ArrayBuffer> {
  if (modelHash.length !== MODEL_HASH_BYTES) throw new RangeError(`A model hash has 16 bytes, not ${modelHash.length}`);
  if (tensors.length === 0 || tensors.length > 255)
    throw new RangeError(`A packet cannot hold ${tensors.length} tensors`);
  const payload = tensors.reduce((sum, { packed }) => sum + packed.length, 0);
  const out = new ByteWriter(payload + 64 + 64 * tensors.length);
  out.u16(MAGIC);
  out.u8(PACKET_VERSION);
  out.u8(tensors.length);
  out.bytes(modelHash);
  out.text(cut);
  for (const tensor of tensors) {
    // Most cuts are named after the tensor they cut at: an empty name is the cut's.
    out.text(tensor.name === cut ? "" : tensor.name);
    out.u8(codecIds[tensor.codec]);
    out.u8(tensor.shape.length);
    for (const dim of tensor.shape) out.varint(dim);
    if (tensor.codec !== "float32") {
      out.u8(tensor.bits);
      out.u8(tensor.zeroPoint);
      out.f32(tensor.scale);
    }
    out.varint(rawSize(tensor.codec, sizeOf(tensor.shape)));
    out.varint(tensor.packed.length);
  }
  for (const { packed } of tensors) out.bytes(packed);
  out.u32(xxhash32(out.done()));
  return out.done();
}

/**
 * Reads and checks everything but the packed bytes themselves, which `decodeTensor` unpacks: compare hash, cut and shapes
 * with the network's first. Tensors are views of `bytes`.
 *
 * @throws {SpinnError} InvalidFrame when the bytes are not a packet, whole and unharmed, or exceed a limit
 */
export function decodePacket(bytes: Uint8Array, limits: PacketLimits = {}): Packet {
  const { maxPacketBytes, maxTensorBytes, maxTensors, maxNameBytes } = { ...defaultPacketLimits, ...limits };
  if (bytes.length > maxPacketBytes) throw invalidFrame("packet", `${bytes.length} bytes exceed ${maxPacketBytes}`);
  if (bytes.length < CHECKSUM_BYTES) throw invalidFrame("packet", `${bytes.length} bytes are too few`);
  const body = bytes.subarray(0, bytes.length - CHECKSUM_BYTES);
  const reader = new ByteReader(body, "packet");
  if (reader.u16() !== MAGIC) throw reader.error("it does not begin with SP");
  const version = reader.u8();
  if (version !== PACKET_VERSION) throw reader.error(`its version is ${version}, not ${PACKET_VERSION}`);
  if (new ByteReader(bytes.subarray(body.length), "packet").u32() !== xxhash32(body)) {
    throw reader.error("its checksum does not match");
  }
  const count = reader.u8();
  if (count === 0 || count > maxTensors) throw reader.error(`${count} tensors are not from 1 to ${maxTensors}`);
  const modelHash = reader.bytes(MODEL_HASH_BYTES);
  const cut = reader.text(maxNameBytes);
  let budget = maxTensorBytes;
  const headers: Header[] = [];
  for (let i = 0; i < count; i++) {
    const header = readHeader(reader, cut, maxNameBytes, budget);
    budget -= 4 * sizeOf(header.shape);
    headers.push(header);
  }
  const tensors = headers.map(({ packedBytes, ...header }) => ({ ...header, packed: reader.bytes(packedBytes) }));
  reader.end();
  return { modelHash, cut, tensors };
}

interface Header extends Omit<PackedTensor, "packed"> {
  readonly packedBytes: number;
}

/** @param budget bytes of float32 that are left */
function readHeader(reader: ByteReader, cut: string, maxNameBytes: number, budget: number): Header {
  const name = reader.text(maxNameBytes) || cut;
  const codecId = reader.u8();
  const codec = codecNamed(codecId);
  if (codec === undefined) throw reader.error(`there is no codec ${codecId}`);
  const rank = reader.u8();
  if (rank > MAX_RANK) throw reader.error(`${rank} dimensions exceed ${MAX_RANK}`);
  const shape: number[] = [];
  let elements = 1;
  for (let i = 0; i < rank; i++) {
    const dim = reader.varint();
    elements *= dim;
    // Dimension by dimension, so that the product stays exact.
    if (dim === 0 || 4 * elements > budget) throw reader.error(`a tensor is empty or exceeds ${budget} bytes`);
    shape.push(dim);
  }
  if (4 * elements > budget) throw reader.error(`a tensor exceeds ${budget} bytes`);
  const quantization = codec === "float32" ? { bits: 32, zeroPoint: 0, scale: 1 } : readQuantization(reader);
  if (reader.varint() !== rawSize(codec, elements)) throw reader.error("a tensor's size is not that of its shape");
  const packedBytes = reader.varint();
  if (packedBytes > reader.left) throw reader.error(`it ends ${packedBytes - reader.left} bytes too early`);
  return { name, shape, codec, ...quantization, packedBytes };
}

function readQuantization(reader: ByteReader): { bits: number; zeroPoint: number; scale: number } {
  const bits = reader.u8();
  if (bits < MIN_BITS || bits > MAX_BITS) throw reader.error(`${bits} bits are not from ${MIN_BITS} to ${MAX_BITS}`);
  const zeroPoint = reader.u8();
  if (zeroPoint >= 2 ** bits) throw reader.error(`zero point ${zeroPoint} does not fit in ${bits} bits`);
  const scale = reader.f32();
  if (!(scale > 0 && scale < Number.POSITIVE_INFINITY)) throw reader.error(`scale ${scale} is not positive`);
  return { bits, zeroPoint, scale };
}

/** Bytes before entropy coding: four a value, or one. */
function rawSize(codec: CodecName, elements: number): number {
  return codec === "float32" ? 4 * elements : elements;
}
