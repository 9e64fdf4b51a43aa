// Bit-shuffle (SPINN's CNN communication optimiser, step 2): values of `bits` bits as that many bit planes, so that the
// high bits, nearly all equal after a ReLU, lie side by side. It packs widths below 8 at the same time.

/** Bytes that `count` values of `bits` bits take as planes. */
export function planesSize(count: number, bits: number): number {
  return bits * Math.ceil(count / 8);
}

/**
 * Plane p holds bit p of every value: value i at bit i % 8 of byte i >> 3. The last byte of a plane ends in zeros.
 *
 * @param values below 2^bits
 * @param out at least `planesSize(values.length, bits)` bytes
 */
export function toBitPlanes(values: Uint8Array, bits: number, out: Uint8Array): void {
  const plane = Math.ceil(values.length / 8);
  const whole = values.length >> 3;
  const view = new DataView(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < plane; i++) {
    let low = 0;
    let high = 0;
    if (i < whole) {
      low = view.getInt32(8 * i, true);
      high = view.getInt32(8 * i + 4, true);
    } else {
      for (let j = values.length - 1; j >= 8 * i; j--) {
        high = (high << 8) | (low >>> 24);
        low = (low << 8) | values[j]!;
      }
    }
    // Transposes an 8x8 bit matrix in two words (Warren, Hacker's Delight, 7-3): 1x1, 2x2, then 4x4 blocks change places.
    let t = (low ^ (low >>> 7)) & 0x00aa00aa;
    low ^= t ^ (t << 7);
    t = (high ^ (high >>> 7)) & 0x00aa00aa;
    high ^= t ^ (t << 7);
    t = (low ^ (low >>> 14)) & 0x0000cccc;
    low ^= t ^ (t << 14);
    t = (high ^ (high >>> 14)) & 0x0000cccc;
    high ^= t ^ (t << 14);
    t = (low & 0x0f0f0f0f) | ((high & 0x0f0f0f0f) << 4);
    high = ((low >>> 4) & 0x0f0f0f0f) | (high & 0xf0f0f0f0);
    low = t;
    out[i] = low;
    out[plane + i] = low >>> 8;
    if (bits === 8) {
      out[2 * plane + i] = low >>> 16;
      out[3 * plane + i] = low >>> 24;
      out[4 * plane + i] = high;
      out[5 * plane + i] = high >>> 8;
      out[6 * plane + i] = high >>> 16;
      out[7 * plane + i] = high >>> 24;
    } else {
      for (let p = 2; p < bits; p++) out[p * plane + i] = (p < 4 ? low : high) >>> (8 * (p & 3));
    }
  }
}

/** The inverse. @param out takes `out.length` values */
export function fromBitPlanes(planes: Uint8Array, bits: number, out: Uint8Array): void {
  const plane = Math.ceil(out.length / 8);
  const whole = out.length >> 3;
  const view = new DataView(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < plane; i++) {
    let low = planes[i]! | (planes[plane + i]! << 8);
    let high = 0;
    if (bits === 8) {
      low |= (planes[2 * plane + i]! << 16) | (planes[3 * plane + i]! << 24);
      high = planes[4 * plane + i]! | (planes[5 * plane + i]! << 8);
      high |= (planes[6 * plane + i]! << 16) | (planes[7 * plane + i]! << 24);
    } else {
      for (let p = 2; p < bits; p++) {
        const byte = planes[p * plane + i]! << (8 * (p & 3));
        if (p < 4) low |= byte;
        else high |= byte;
      }
    }
    // A transposition undoes itself.
    let t = (low ^ (low >>> 7)) & 0x00aa00aa;
    low ^= t ^ (t << 7);
    t = (high ^ (high >>> 7)) & 0x00aa00aa;
    high ^= t ^ (t << 7);
    t = (low ^ (low >>> 14)) & 0x0000cccc;
    low ^= t ^ (t << 14);
    t = (high ^ (high >>> 14)) & 0x0000cccc;
    high ^= t ^ (t << 14);
    t = (low & 0x0f0f0f0f) | ((high & 0x0f0f0f0f) << 4);
    high = ((low >>> 4) & 0x0f0f0f0f) | (high & 0xf0f0f0f0);
    low = t;
    if (i < whole) {
      view.setInt32(8 * i, low, true);
      view.setInt32(8 * i + 4, high, true);
    } else {
      for (let j = 8 * i; j < out.length; j++) out[j] = (j & 4 ? high : low) >>> (8 * (j & 3));
    }
  }
}
