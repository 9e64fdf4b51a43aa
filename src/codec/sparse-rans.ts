// The best lossless back end: which values are zero, and then the others, each under its own entropy coder (rans.ts) with
// contexts. A ReLU's zeros come in groups and large values near large ones, so that it ends below the order-0 entropy.

import { fromBitPlanes, planesSize, toBitPlanes } from "./bit-planes.ts";
import { BitReader, BitWriter } from "./bit-stream.ts";
import type { EntropyCoder, Symbols } from "./entropy-coder.ts";
import { readWeights, roundWeight, toFrequencies, writeWeights } from "./frequency-table.ts";
import { invalidFrame } from "./invalid-frame.ts";
import { LANES, RansDecoder, RansEncoder, type SymbolModel } from "./rans.ts";
import { Scratch } from "./scratch.ts";

// Layout: docs/protocol.md, "rans (3)".

/** Four values' zero flags a symbol, in the context of how many of the previous four were not zero. */
const NIBBLES = 16;
const NIBBLE_CONTEXTS = 5;
const popcounts = Uint8Array.from({ length: NIBBLES }, (_, n) => (n & 1) + ((n >> 1) & 1) + ((n >> 2) & 1) + (n >> 3));
/** Contexts of a value: which quarter of all values the one before it belongs to. Four tables must pay for themselves. */
const VALUE_CONTEXTS = 4;
const MIN_VALUES_FOR_CONTEXTS = 2048;
/** More zeros than one in so many values: worth a mask. */
const MASK_FROM = 32;

const scratch = {
  values: new Scratch(),
  nibbles: new Scratch(),
  entries: new Scratch(),
  nibbleEntries: new Scratch(),
  words: new Scratch(),
  low: new Scratch(),
  out: new Scratch(),
};

export const sparseRans: EntropyCoder = {
  encode(values: Uint8Array, { bits, zeroPoint }: Symbols): Uint8Array {
    const nibbles = scratch.nibbles.take(padded(Math.ceil(values.length / 4)));
    const kept = scratch.values.take(padded(values.length));
    const { masked, count } = gather(values, zeroPoint, nibbles, kept);
    const rest = kept.subarray(0, padded(count));
    rest.fill(0, count);
    const lowBits = lowBitsOf(count, bits);
    const buckets = 2 ** (bits - lowBits);
    const limits = count >= MIN_VALUES_FOR_CONTEXTS ? quartiles(rest, lowBits) : [];

    // Room for header and states, tables (at most 27 bits an entry), a word a symbol, low bits.
    const room = 64 + 4 * (VALUE_CONTEXTS * buckets + NIBBLE_CONTEXTS * NIBBLES) + 2 * nibbles.length + 3 * rest.length;
    const out = scratch.out.take(room);
    let at = 0;
    out[at++] = (masked ? 1 : 0) | (lowBits << 1) | (limits.length > 0 ? 16 : 0);
    for (const limit of limits) out[at++] = limit;
    const tables = new BitWriter(out, at);
    const nibbleEntries = entriesIn(scratch.nibbleEntries, nibbles.length);
    const entries = entriesIn(scratch.entries, rest.length);
    const nibbleModel = masked
      ? countSymbols(nibbles, 0, NIBBLE_CONTEXTS, NIBBLES, popcounts, tables, nibbleEntries)
      : undefined;
    const contexts = limits.length > 0 ? VALUE_CONTEXTS : 1;
    const valueModel = countSymbols(rest, lowBits, contexts, buckets, contextsAfter(limits), tables, entries);
    at = tables.finish();

    const words = entriesIn(scratch.words, nibbles.length + rest.length + 1);
    const encoder = new RansEncoder(words);
    encoder.put(entries, valueModel);
    if (nibbleModel) encoder.put(nibbleEntries, nibbleModel);
    at = encoder.finish(out, at);
    if (lowBits > 0) toBitPlanes(kept.subarray(0, count), lowBits, out.subarray(at));
    return out.slice(0, at + planesSize(count, lowBits));
  },

  decode(packed: Uint8Array, { bits, zeroPoint }: Symbols, out: Uint8Array): void {
    const flags = packed[0] ?? 255;
    const masked = (flags & 1) === 1;
    const lowBits = (flags >> 1) & 7;
    const hasContexts = (flags & 16) === 16;
    if (flags > 31 || lowBits === 1 || lowBits >= bits)
      throw invalidFrame("entropy-coded tensor", "its header is malformed");
    const limits = hasContexts ? Array.from(packed.subarray(1, VALUE_CONTEXTS)) : [];
    const tables = new BitReader(packed, 1 + limits.length);
    const nibbleModel = masked ? readModel(tables, NIBBLE_CONTEXTS, NIBBLES, popcounts) : undefined;
    const valueModel = readModel(
      tables,
      hasContexts ? VALUE_CONTEXTS : 1,
      2 ** (bits - lowBits),
      contextsAfter(limits),
    );
    const start = tables.finish();
    const decoder = new RansDecoder(packed.subarray(start));

    let count = out.length;
    const nibbles = scratch.nibbles.take(padded(Math.ceil(out.length / 4)));
    if (nibbleModel) {
      decoder.take(nibbles, nibbleModel);
      count = 0;
      for (let i = 0; i < nibbles.length; i++) count += popcounts[nibbles[i]!]!;
      if (count > out.length) throw invalidFrame("entropy-coded tensor", "it holds more values than stated");
    }
    const values = scratch.values.take(padded(count) + 1); // `spread` looks one ahead
    decoder.take(values.subarray(0, padded(count)), valueModel);
    const end = start + decoder.finish();
    if (packed.length - end !== planesSize(count, lowBits)) {
      throw invalidFrame("entropy-coded tensor", "its length does not match");
    }
    if (lowBits > 0) {
      const low = scratch.low.take(count);
      fromBitPlanes(packed.subarray(end), lowBits, low);
      for (let i = 0; i < count; i++) values[i] = (values[i]! << lowBits) | low[i]!;
    }
    if (masked) spread(nibbles, values, zeroPoint, out);
    else out.set(values.subarray(0, count));
  },
};

function padded(count: number): number {
  return Math.ceil(count / LANES) * LANES;
}

/** Few values cannot pay for large tables: their low bits, nearly as likely 0 as 1, then go as they are. */
function lowBitsOf(count: number, bits: number): number {
  const affordable = count < 1024 ? 4 : count < 8192 ? 5 : count < 65_536 ? 6 : 8;
  return bits - affordable < 2 ? 0 : bits - affordable; // planes come in twos at least
}

/**
 * Parts `values` into zero flags and the values that are not zero, in order and without a gap where zero was. Flag i is bit
 * i % 4 of nibble i >> 2. With hardly any zeros, values stay as they are and there are no flags.
 */
function gather(
  values: Uint8Array,
  zeroPoint: number,
  nibbles: Uint8Array,
  kept: Uint8Array,
): { masked: boolean; count: number } {
  const { length } = values;
  const view = new DataView(values.buffer, values.byteOffset, length);
  const fourZeros = Math.imul(zeroPoint, 0x01010101);
  const whole = length >> 2;
  let count = 0;
  for (let i = 0; i < whole; i++) {
    const word = view.getInt32(4 * i, true);
    if (word === fourZeros) {
      nibbles[i] = 0;
      continue;
    }
    // Without branches, since zeros come as they like: what is zero is written too, and overwritten by the next.
    const a = word & 255;
    const b = (word >>> 8) & 255;
    const c = (word >>> 16) & 255;
    const d = word >>> 24;
    const hasA = -(a ^ zeroPoint) >>> 31;
    const hasB = -(b ^ zeroPoint) >>> 31;
    const hasC = -(c ^ zeroPoint) >>> 31;
    const hasD = -(d ^ zeroPoint) >>> 31;
    nibbles[i] = hasA | (hasB << 1) | (hasC << 2) | (hasD << 3);
    kept[count] = a - ((zeroPoint - a) >>> 31);
    count += hasA;
    kept[count] = b - ((zeroPoint - b) >>> 31);
    count += hasB;
    kept[count] = c - ((zeroPoint - c) >>> 31);
    count += hasC;
    kept[count] = d - ((zeroPoint - d) >>> 31);
    count += hasD;
  }
  nibbles.fill(0, whole);
  for (let i = 4 * whole; i < length; i++) {
    const value = values[i]!;
    if (value === zeroPoint) continue;
    nibbles[whole]! |= 1 << (i & 3);
    kept[count++] = value > zeroPoint ? value - 1 : value;
  }
  if ((length - count) * MASK_FROM > length) return { masked: true, count };
  kept.set(values);
  return { masked: false, count: length };
}

/** The inverse of `gather` with flags. @param values as many as there are flags set, and one more byte */
function spread(nibbles: Uint8Array, values: Uint8Array, zeroPoint: number, out: Uint8Array): void {
  const view = new DataView(out.buffer, out.byteOffset, out.length);
  const fourZeros = Math.imul(zeroPoint, 0x01010101);
  const fromZero = zeroPoint - 1; // values above it had one taken off
  const whole = out.length >> 2;
  let at = 0;
  for (let i = 0; i < whole; i++) {
    const nibble = nibbles[i]!;
    let word = fourZeros;
    if (nibble !== 0) {
      const hasA = nibble & 1;
      const a = values[at]!;
      at += hasA;
      const hasB = (nibble >> 1) & 1;
      const b = values[at]!;
      at += hasB;
      const hasC = (nibble >> 2) & 1;
      const c = values[at]!;
      at += hasC;
      const hasD = nibble >> 3;
      const d = values[at]!;
      at += hasD;
      word ^= (zeroPoint ^ (a + ((fromZero - a) >>> 31))) & -hasA;
      word ^= ((zeroPoint ^ (b + ((fromZero - b) >>> 31))) & -hasB) << 8;
      word ^= ((zeroPoint ^ (c + ((fromZero - c) >>> 31))) & -hasC) << 16;
      word ^= ((zeroPoint ^ (d + ((fromZero - d) >>> 31))) & -hasD) << 24;
    }
    view.setInt32(4 * i, word, true);
  }
  for (let i = 4 * whole; i < out.length; i++) {
    const isOther = (nibbles[whole]! >> (i & 3)) & 1;
    const value = values[at]!;
    out[i] = isOther === 1 ? value + (value > fromZero ? 1 : 0) : zeroPoint;
    at += isOther;
  }
}

/** Three buckets that part the values into four groups of about the same size, judged by a sample. */
function quartiles(values: Uint8Array, lowBits: number): number[] {
  const counts = new Int32Array(256);
  const step = Math.max(1, values.length >> 11) | 1; // odd: does not fall into step with rows
  let sampled = 0;
  for (let i = 0; i < values.length; i += step) {
    counts[values[i]! >> lowBits]!++;
    sampled++;
  }
  const limits: number[] = [];
  let below = 0;
  for (let bucket = 0; limits.length < VALUE_CONTEXTS - 1; bucket++) {
    below += counts[bucket]!;
    while (limits.length < VALUE_CONTEXTS - 1 && below * VALUE_CONTEXTS >= sampled * (limits.length + 1)) {
      limits.push(bucket);
    }
  }
  return limits;
}

/** The context after a bucket: how many limits it exceeds. */
function contextsAfter(limits: readonly number[]): Uint8Array {
  const contexts = new Uint8Array(256);
  for (const limit of limits) for (let bucket = limit + 1; bucket < 256; bucket++) contexts[bucket]!++;
  return contexts;
}

/**
 * Counts symbols in their contexts and writes the tables that both sides code with.
 *
 * @param sequence symbols above `lowBits` bits that are not looked at
 * @param entries is filled for `RansEncoder.put`
 */
function countSymbols(
  sequence: Uint8Array,
  lowBits: number,
  contexts: number,
  symbols: number,
  next: Uint8Array,
  tables: BitWriter,
  entries: Uint16Array,
): SymbolModel {
  const counts = new Int32Array(contexts * symbols);
  const rows = new Uint16Array(symbols);
  for (let symbol = 0; symbol < symbols; symbol++) rows[symbol] = next[symbol]! * symbols;
  const quarter = sequence.length >> 2; // an integer to the compiler as well, which a quotient is not
  for (let lane = 0; lane < LANES; lane++) {
    let row = 0;
    for (let i = lane * quarter; i < (lane + 1) * quarter; i++) {
      const symbol = sequence[i]! >> lowBits;
      const entry = row + symbol;
      counts[entry]!++;
      entries[i] = entry;
      row = rows[symbol]!;
    }
  }
  for (let i = 0; i < counts.length; i++) counts[i] = roundWeight(counts[i]!);
  const frequencies = new Int32Array(contexts * symbols);
  for (let context = 0; context < contexts; context++) {
    const weights = counts.subarray(context * symbols, (context + 1) * symbols);
    writeWeights(tables, weights);
    toFrequencies(weights, frequencies.subarray(context * symbols, (context + 1) * symbols));
  }
  return { contexts, symbols, next, frequencies };
}

function entriesIn(scratch: Scratch, count: number): Uint16Array {
  const bytes = scratch.take(2 * count);
  return new Uint16Array(bytes.buffer, bytes.byteOffset, count);
}

function readModel(tables: BitReader, contexts: number, symbols: number, next: Uint8Array): SymbolModel {
  const frequencies = new Int32Array(contexts * symbols);
  const weights = new Int32Array(symbols);
  for (let context = 0; context < contexts; context++) {
    readWeights(tables, weights);
    toFrequencies(weights, frequencies.subarray(context * symbols, (context + 1) * symbols));
  }
  return { contexts, symbols, next, frequencies };
}
