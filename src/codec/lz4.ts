// LZ4 block format (github.com/lz4/lz4, doc/lz4_Block_format.md), compressor and decompressor (SPINN's CNN communication
// optimiser, step 3). Why our own, and how it compares: docs/decisions/007-own-lz4.md.

import { invalidFrame } from "./invalid-frame.ts";

/** A match is at least this long. */
const MIN_MATCH = 4;
/** The format's end rules: the last five bytes are literals, and no match starts within the last twelve. */
const LAST_LITERALS = 5;
const MATCH_LIMIT = 12;
const MAX_OFFSET = 65_535;
const HASH_BITS = 12;
const HASH_FACTOR = 0x9e3779b1; // 2^32 over the golden ratio
/**
 * Bytes from one try to the next after a match; a byte more after every 16 tries in vain. Small values find more matches in
 * the low planes, which are mostly noise: 7 % fewer bytes in all at 1, for more than twice the time.
 */
const FIRST_STEP = 12;
const STEP_SHIFT = 4;

const positions = new Int32Array(1 << HASH_BITS);

/** Most bytes that `length` bytes can become. */
export function lz4Bound(length: number): number {
  return length + Math.ceil(length / 255) + 16;
}

/** @param out at least `lz4Bound(source.length)` bytes @returns how many were written */
export function lz4Compress(source: Uint8Array, out: Uint8Array): number {
  const { length } = source;
  const view = new DataView(source.buffer, source.byteOffset, length);
  const outView = new DataView(out.buffer, out.byteOffset, out.length);
  const lastStart = length - MATCH_LIMIT;
  const lastMatched = length - LAST_LITERALS;
  let written = 0;
  let anchor = 0; // what lies before it has been written
  positions.fill(-1);
  let tries = FIRST_STEP << STEP_SHIFT;
  for (let at = 0; at <= lastStart; ) {
    const word = view.getInt32(at, true);
    const slot = Math.imul(word, HASH_FACTOR) >>> (32 - HASH_BITS);
    let match = positions[slot]!;
    positions[slot] = at;
    if (match < 0 || at - match > MAX_OFFSET || view.getInt32(match, true) !== word) {
      at += tries++ >> STEP_SHIFT;
      continue;
    }
    tries = FIRST_STEP << STEP_SHIFT;
    while (at > anchor && match > 0 && source[at - 1] === source[match - 1]) {
      at--;
      match--;
    }
    const end = matchEnd(view, at + MIN_MATCH, match + MIN_MATCH, lastMatched);
    const literals = at - anchor;
    const beyond = end - at - MIN_MATCH;
    out[written++] = (Math.min(15, literals) << 4) | Math.min(15, beyond);
    if (literals >= 15) written = putLength(out, written, literals - 15);
    if (literals > 64) {
      out.set(source.subarray(anchor, at), written);
    } else {
      // Whole words: up to three bytes too many, which what follows overwrites; at least twelve follow in the source.
      for (let i = 0; i < literals; i += 4) outView.setInt32(written + i, view.getInt32(anchor + i, true), true);
    }
    written += literals;
    outView.setInt16(written, at - match, true);
    written += 2;
    if (beyond >= 15) written = putLength(out, written, beyond - 15);
    at = end;
    anchor = end;
    if (at <= lastStart) positions[Math.imul(view.getInt32(at - 2, true), HASH_FACTOR) >>> (32 - HASH_BITS)] = at - 2;
  }
  const literals = length - anchor;
  out[written++] = Math.min(15, literals) << 4;
  if (literals >= 15) written = putLength(out, written, literals - 15);
  out.set(source.subarray(anchor), written);
  return written + literals;
}

/** Where a match that holds up to `at` ends. */
function matchEnd(view: DataView, at: number, match: number, limit: number): number {
  let end = at;
  const distance = at - match;
  for (; end + 4 <= limit; end += 4) {
    const difference = view.getInt32(end, true) ^ view.getInt32(end - distance, true);
    if (difference !== 0) return end + ((31 - Math.clz32(difference & -difference)) >> 3);
  }
  while (end < limit && view.getUint8(end) === view.getUint8(end - distance)) end++;
  return end;
}

/** What a length has beyond the 15 in its token. @returns the new end of `out` */
function putLength(out: Uint8Array, at: number, length: number): number {
  let end = at;
  let rest = length;
  for (; rest >= 255; rest -= 255) out[end++] = 255;
  out[end++] = rest;
  return end;
}

/**
 * @param out is filled exactly
 * @throws {SpinnError} InvalidFrame when the block is malformed, or is not one of `out.length` bytes
 */
export function lz4Decompress(block: Uint8Array, out: Uint8Array): void {
  let at = 0;
  let end = 0;
  while (at < block.length) {
    const token = block[at++]!;
    let literals = token >> 4;
    if (literals === 15) {
      for (let more = 255; more === 255; literals += more) more = byteAt(block, at++);
    }
    if (literals > block.length - at || literals > out.length - end) throw malformed("literals exceed their bounds");
    if (literals > 32) {
      out.set(block.subarray(at, at + literals), end);
    } else {
      for (let i = 0; i < literals; i++) out[end + i] = block[at + i]!;
    }
    at += literals;
    end += literals;
    if (at === block.length) {
      if ((token & 15) !== 0) throw malformed("it ends in a match");
      break;
    }
    const offset = byteAt(block, at) | (byteAt(block, at + 1) << 8);
    at += 2;
    let length = (token & 15) + MIN_MATCH;
    if ((token & 15) === 15) {
      for (let more = 255; more === 255; length += more) more = byteAt(block, at++);
    }
    if (offset === 0 || offset > end) throw malformed("a match lies before the beginning");
    if (length > out.length - end) throw malformed("it is longer than stated");
    copyMatch(out, end, offset, length);
    end += length;
  }
  if (end !== out.length) throw malformed(`it holds ${end} bytes, not ${out.length}`);
}

function copyMatch(out: Uint8Array, at: number, offset: number, length: number): void {
  if (offset === 1 && length > 16) {
    out.fill(out[at - 1]!, at, at + length);
  } else if (offset >= length && length > 32) {
    out.copyWithin(at, at - offset, at - offset + length);
  } else {
    // Byte by byte: a match may overlap what it makes.
    for (let i = at; i < at + length; i++) out[i] = out[i - offset]!;
  }
}

function byteAt(block: Uint8Array, at: number): number {
  if (at >= block.length) throw malformed("it ends too early");
  return block[at]!;
}

function malformed(reason: string): Error {
  return invalidFrame("LZ4 block", reason);
}
