// One tensor on its way over the link: quantised, compressed, and described so that the other side can undo both (SPINN's
// CNN communication optimiser as a whole).

import { sizeOf } from "../tensor.ts";
import { type EntropyCoderName, entropyCoders } from "./entropy-coders.ts";
import { invalidFrame } from "./invalid-frame.ts";
import { checkBits, chooseQuantization, dequantize, type Quantization, quantize } from "./quantize.ts";
import { Scratch } from "./scratch.ts";

/** `float32`: uncompressed. */
export type CodecName = "float32" | EntropyCoderName;

/** How tensors are packed; plain data, part of a plan. */
export interface Coding {
  readonly codec: CodecName;
  /** Width of quantised values, 2 to 8; without meaning for `float32`. @default 8 */
  readonly bits?: number;
}

/** Values as a network computes them. */
export interface FloatValues {
  readonly name: string;
  /** At most eight dimensions, none of them 0. */
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Values that the graph has quantised already (DynamicQuantizeLinear), bytes below 2^bits. */
export interface QuantizedValues extends Quantization {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Uint8Array;
}

/** What a packet carries. `scale` is 1 and `zeroPoint` 0 for `float32`. */
export interface PackedTensor extends Quantization {
  readonly name: string;
  readonly shape: readonly number[];
  readonly codec: CodecName;
  readonly packed: Uint8Array;
}

export const MAX_RANK = 8;

const quantized = new Scratch();

/**
 * Packs one tensor. Where the entropy coder would make it longer, it travels `packed`, and says so.
 *
 * @throws {RangeError} when values do not fill the shape or are not finite, when the width is not 2 to 8, or when values that
 *   are quantised already are to be quantised otherwise
 * @example encodeTensor({ name: "relu_9", shape: [1, 16, 32, 32], values }, { codec: "rans" })
 */
export function encodeTensor(tensor: FloatValues | QuantizedValues, { codec, bits }: Coding): PackedTensor {
  const { name, shape, values } = tensor;
  checkShape(shape, values.length);
  if (!isQuantized(tensor)) {
    const floats = tensor.values;
    if (codec === "float32") return { name, shape, codec, bits: 32, scale: 1, zeroPoint: 0, packed: toBytes(floats) };
    const quantization = chooseQuantization(floats, bits);
    return pack(name, shape, quantize(floats, quantization, quantized.take(floats.length)), quantization, codec);
  }
  if (codec === "float32" || (bits !== undefined && bits !== tensor.bits)) {
    throw new RangeError(`Cannot pack ${name} otherwise: its values are quantized to ${tensor.bits} bits already`);
  }
  checkBits(tensor.bits);
  return pack(name, shape, tensor.values, tensor, codec);
}

function pack(
  name: string,
  shape: readonly number[],
  values: Uint8Array,
  { bits, scale, zeroPoint }: Quantization,
  wanted: EntropyCoderName,
): PackedTensor {
  const symbols = { bits, zeroPoint };
  const attempt = entropyCoders[wanted].encode(values, symbols);
  const codec = attempt.length > bits * Math.ceil(values.length / 8) ? "packed" : wanted;
  const packed = codec === wanted ? attempt : entropyCoders.packed.encode(values, symbols);
  return { name, shape, codec, bits, scale, zeroPoint, packed };
}

/**
 * The values, as near to what they were as the width allows.
 *
 * @param tensor from `decodePacket`, which has checked its sizes against limits
 * @param out as long as the tensor
 * @throws {SpinnError} InvalidFrame when the packed bytes are malformed
 */
export function decodeTensor(
  tensor: PackedTensor,
  out: Float32Array = new Float32Array(sizeOf(tensor.shape)),
): Float32Array {
  if (tensor.codec !== "float32") return dequantize(unpack(tensor, quantized.take(out.length)), tensor, out);
  return fromBytes(tensor.packed, out);
}

/**
 * The quantised bytes exactly as they were, for a graph that begins with DequantizeLinear.
 *
 * @throws {RangeError} when the tensor was never quantised
 * @throws {SpinnError} InvalidFrame when the packed bytes are malformed
 */
export function decodeQuantized(tensor: PackedTensor): QuantizedValues {
  const { name, shape, bits, scale, zeroPoint } = tensor;
  return { name, shape, bits, scale, zeroPoint, values: unpack(tensor, new Uint8Array(sizeOf(shape))) };
}

function unpack({ codec, name, bits, zeroPoint, packed }: PackedTensor, out: Uint8Array): Uint8Array {
  if (codec === "float32") throw new RangeError(`${name} is not quantized`);
  entropyCoders[codec].decode(packed, { bits, zeroPoint }, out);
  return out;
}

function isQuantized(tensor: FloatValues | QuantizedValues): tensor is QuantizedValues {
  return tensor.values instanceof Uint8Array;
}

function checkShape(shape: readonly number[], count: number): void {
  const isProper = shape.length <= MAX_RANK && shape.every((dim) => Number.isInteger(dim) && dim > 0);
  if (isProper && sizeOf(shape) === count) return;
  throw new RangeError(`Cannot pack ${count} values as [${shape.join(", ")}]`);
}

/** Little-endian, whatever the machine. */
function toBytes(values: Float32Array): Uint8Array {
  if (isLittleEndian) return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
  const view = new DataView(new ArrayBuffer(values.byteLength));
  for (const [i, value] of values.entries()) view.setFloat32(4 * i, value, true);
  return new Uint8Array(view.buffer);
}

function fromBytes(bytes: Uint8Array, out: Float32Array): Float32Array {
  const { length, buffer, byteOffset } = out;
  if (bytes.length !== 4 * length)
    throw invalidFrame("float32 tensor", `${bytes.length} bytes are not ${length} values`);
  if (isLittleEndian) {
    new Uint8Array(buffer, byteOffset, bytes.length).set(bytes);
    return out;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0; i < length; i++) out[i] = view.getFloat32(4 * i, true);
  return out;
}

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
