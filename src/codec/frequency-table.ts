// Symbol frequencies as an entropy coder needs them, integers that sum to 4096, and how they travel: about five bits a symbol.

import type { BitReader, BitWriter } from "./bit-stream.ts";
import { invalidFrame } from "./invalid-frame.ts";

/** Frequencies sum to 2^TOTAL_BITS. */
export const TOTAL_BITS = 12;
export const TOTAL: number = 1 << TOTAL_BITS;

/** Widest weight, in bits: tensors have fewer elements than 2^27. */
const MAX_CLASS = 27;

/**
 * Rounds a count down to its three leading bits. Those are what travels; both sides derive frequencies from them. The error
 * costs less than 0.4 % of a symbol's own cost, and the table half of what exact counts do.
 */
export function roundWeight(count: number): number {
  const dropped = Math.max(0, bitLength(count) - 3);
  return (count >> dropped) << dropped;
}

function bitLength(value: number): number {
  return 32 - Math.clz32(value);
}

/**
 * Per symbol the change of bit length from the symbol before (unary after a sign), then the one or two bits below the leading
 * one. Neighbours have similar counts, so that most changes are 0 or 1.
 *
 * @param weights as `roundWeight` makes them
 */
export function writeWeights(bits: BitWriter, weights: Int32Array): void {
  let previous = 0;
  for (const weight of weights) {
    const size = bitLength(weight);
    const change = size - previous;
    if (change === 0) bits.put(0, 1);
    else {
      bits.put(change > 0 ? 1 : 3, 2);
      // n - 1 ones and a zero
      const steps = Math.abs(change) - 1;
      for (let i = 0; i < steps; i++) bits.put(1, 1);
      bits.put(0, 1);
    }
    const below = Math.min(2, size - 1);
    if (below > 0) bits.put((weight >> (size - 1 - below)) & ((1 << below) - 1), below);
    previous = size;
  }
}

/** @throws {SpinnError} InvalidFrame when what it reads is no table */
export function readWeights(bits: BitReader, weights: Int32Array): void {
  let size = 0;
  for (let symbol = 0; symbol < weights.length; symbol++) {
    if (bits.take(1) === 1) {
      const sign = bits.take(1) === 0 ? 1 : -1;
      size += sign;
      while (bits.take(1) === 1 && size >= 0 && size <= MAX_CLASS) size += sign;
      if (size < 0 || size > MAX_CLASS) throw invalidFrame("frequency table", "a count is out of range");
    }
    const below = Math.min(2, size - 1);
    weights[symbol] = size === 0 ? 0 : below > 0 ? ((1 << below) | bits.take(below)) << (size - 1 - below) : 1;
  }
}

/**
 * Scales weights so that they sum to TOTAL, none of those that were positive becomes 0, and none reaches TOTAL (a coder's
 * state would overflow). Integers and exact quotients only: every machine gets the same.
 *
 * @param weights from two to TOTAL / 2 symbols; without a positive one, nothing can be coded and all frequencies are 0
 */
export function toFrequencies(weights: Int32Array, frequencies: Int32Array): void {
  let sum = 0;
  for (const weight of weights) sum += weight;
  if (sum === 0) {
    frequencies.fill(0);
    return;
  }
  let left = TOTAL;
  for (let symbol = 0; symbol < weights.length; symbol++) {
    const weight = weights[symbol]!;
    // To the nearest: floor(quotient + 1/2), in integers below 2^53.
    const share = weight === 0 ? 0 : Math.max(1, Math.floor((2 * weight * TOTAL + sum) / (2 * sum)));
    frequencies[symbol] = share;
    left -= share;
  }
  // What rounding left over goes to the largest, where it matters least; what it took too much comes off the largest ones.
  while (left !== 0) {
    const largest = indexOfLargest(frequencies);
    const change = left > 0 ? left : Math.max(left, -(frequencies[largest]! >> 1));
    frequencies[largest] = frequencies[largest]! + change;
    left -= change;
  }
  const largest = indexOfLargest(frequencies);
  if (frequencies[largest] === TOTAL) {
    frequencies[largest] = TOTAL - 1;
    frequencies[largest === 0 ? 1 : 0] = 1;
  }
}

function indexOfLargest(values: Int32Array): number {
  let largest = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[largest]!) largest = i;
  return largest;
}
