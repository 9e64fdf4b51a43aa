// Linear quantisation of a tensor (SPINN's CNN communication optimiser, step 1): the arithmetic of ONNX DynamicQuantizeLinear
// and DequantizeLinear in float32, bit for bit at 8 bits, and the same formula for 2 to 7.

/** value = (byte - zeroPoint) * scale */
export interface Quantization {
  /** Width of a value, 2 to 8: bytes lie in [0, 2^bits). */
  readonly bits: number;
  /** A positive float32. */
  readonly scale: number;
  /** The byte that stands for 0; 0 after a ReLU. */
  readonly zeroPoint: number;
}

export const MIN_BITS = 2;
export const MAX_BITS = 8;

/** @throws {RangeError} unless `bits` is an integer from 2 to 8 */
export function checkBits(bits: number): void {
  if (Number.isInteger(bits) && bits >= MIN_BITS && bits <= MAX_BITS) return;
  throw new RangeError(`Cannot quantize to ${bits} bits: the width must be an integer from ${MIN_BITS} to ${MAX_BITS}`);
}

/**
 * The quantisation that covers all values and 0.
 *
 * @throws {RangeError} when a value is not finite, or their range exceeds float32's
 */
export function chooseQuantization(values: Float32Array, bits: number = MAX_BITS): Quantization {
  checkBits(bits);
  let min = 0;
  let max = 0;
  let notFinite = 0; // becomes NaN with the first infinity or NaN, which no comparison would notice
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    notFinite += value * 0;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const range = Math.fround(max - min);
  if (Number.isNaN(notFinite) || range === Number.POSITIVE_INFINITY) {
    throw new RangeError("Cannot quantize a tensor with values that are not finite, or too far apart for float32");
  }
  const top = 2 ** bits - 1;
  // A range so small that its step is 0 in float32 is no range.
  const scale = Math.fround(range / top) || 1;
  const zeroPoint = roundToEven(Math.min(top, Math.max(0, Math.fround(-min / scale))));
  return { bits, scale, zeroPoint };
}

/**
 * Rounds half to even and saturates, as ONNX QuantizeLinear.
 *
 * @param values finite
 * @param out as long as `values`
 */
export function quantize(
  values: Float32Array,
  { bits, scale, zeroPoint }: Quantization,
  out: Uint8Array = new Uint8Array(values.length),
): Uint8Array {
  const top = 2 ** bits - 1;
  // Division, since multiplying by the reciprocal rounds otherwise.
  for (let i = 0; i < values.length; i++) {
    const rounded = roundToEven(Math.fround(values[i]! / scale)) + zeroPoint;
    out[i] = rounded < 0 ? 0 : rounded > top ? top : rounded;
  }
  return out;
}

/** @returns float32 values, as many as bytes */
export function dequantize(
  bytes: Uint8Array,
  { bits, scale, zeroPoint }: Quantization,
  out: Float32Array = new Float32Array(bytes.length),
): Float32Array {
  const table = new Float32Array(256);
  const top = 2 ** bits - 1; // not in the loop's condition: a power each time takes longer than unpacking
  for (let byte = 0; byte <= top; byte++) table[byte] = (byte - zeroPoint) * scale;
  for (let i = 0; i < bytes.length; i++) out[i] = table[bytes[i]!]!;
  return out;
}

/** For |x| < 2^51: adding 1.5 * 2^52 leaves no room for a fraction, and float64 addition rounds half to even. */
function roundToEven(x: number): number {
  return x + 6755399441055744 - 6755399441055744;
}
