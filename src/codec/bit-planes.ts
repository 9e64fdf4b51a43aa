// Bit-shuffle (SPINN's CNN communication optimiser, step 2): values of `bits` bits as that many bit planes, so that the
// high bits, nearly all equal after a ReLU, lie side by side. It packs widths below 8 at the same time.

/** Bytes that `count` values of `bits` bits take as planes. */
export function planesSize(count: number, bits: number): number {
  return bits * Math.ceil(count / 8);
}

/**
 * Plane p holds bit p of every value: value i at bit i % 8 of byte i >> 3. The last byte of a plane ends in zeros.
 *
 * @param bits how many planes, from the lowest, at least two; bits above them are left out
 * @param out at least `planesSize(values.length, bits)` bytes
 */
export function toBitPlanes(values: Uint8Array, bits: number, out: Uint8Array): void {
  const plane = Math.ceil(values.length / 8);
  const whole = values.length >> 5;
  const from = new DataView(values.buffer, values.byteOffset, values.length);
  const to = new DataView(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < whole; i++) {
    let a = from.getInt32(32 * i, true);
    let b = from.getInt32(32 * i + 4, true);
    let c = from.getInt32(32 * i + 8, true);
    let d = from.getInt32(32 * i + 12, true);
    let e = from.getInt32(32 * i + 16, true);
    let f = from.getInt32(32 * i + 20, true);
    let g = from.getInt32(32 * i + 24, true);
    let h = from.getInt32(32 * i + 28, true);

    // Bytes of four words change places, so that word k holds values k, 8 + k, 16 + k and 24 + k.
    let p = (a & 0x00ff00ff) | ((c & 0x00ff00ff) << 8);
    let q = ((a >>> 8) & 0x00ff00ff) | (c & 0xff00ff00);
    let r = (e & 0x00ff00ff) | ((g & 0x00ff00ff) << 8);
    let s = ((e >>> 8) & 0x00ff00ff) | (g & 0xff00ff00);
    const p2 = (b & 0x00ff00ff) | ((d & 0x00ff00ff) << 8);
    const q2 = ((b >>> 8) & 0x00ff00ff) | (d & 0xff00ff00);
    const r2 = (f & 0x00ff00ff) | ((h & 0x00ff00ff) << 8);
    const s2 = ((f >>> 8) & 0x00ff00ff) | (h & 0xff00ff00);
    a = (p & 0xffff) | (r << 16);
    b = (q & 0xffff) | (s << 16);
    c = (p >>> 16) | (r & 0xffff0000);
    d = (q >>> 16) | (s & 0xffff0000);
    e = (p2 & 0xffff) | (r2 << 16);
    f = (q2 & 0xffff) | (s2 << 16);
    g = (p2 >>> 16) | (r2 & 0xffff0000);
    h = (q2 >>> 16) | (s2 & 0xffff0000);

    // Four 8x8 bit matrices at once, one a byte of each word: 1x1, 2x2, then 4x4 blocks change places (Warren, Hacker's
    // Delight, 7-3). Bits that differ from their counterpart are flipped on both sides.
    p = ((a >>> 1) ^ b) & 0x55555555;
    q = ((c >>> 1) ^ d) & 0x55555555;
    r = ((e >>> 1) ^ f) & 0x55555555;
    s = ((g >>> 1) ^ h) & 0x55555555;
    a ^= p << 1;
    b ^= p;
    c ^= q << 1;
    d ^= q;
    e ^= r << 1;
    f ^= r;
    g ^= s << 1;
    h ^= s;
    p = ((a >>> 2) ^ c) & 0x33333333;
    q = ((b >>> 2) ^ d) & 0x33333333;
    r = ((e >>> 2) ^ g) & 0x33333333;
    s = ((f >>> 2) ^ h) & 0x33333333;
    a ^= p << 2;
    c ^= p;
    b ^= q << 2;
    d ^= q;
    e ^= r << 2;
    g ^= r;
    f ^= s << 2;
    h ^= s;
    p = ((a >>> 4) ^ e) & 0x0f0f0f0f;
    q = ((b >>> 4) ^ f) & 0x0f0f0f0f;
    r = ((c >>> 4) ^ g) & 0x0f0f0f0f;
    s = ((d >>> 4) ^ h) & 0x0f0f0f0f;
    to.setInt32(4 * i, a ^ (p << 4), true);
    to.setInt32(plane + 4 * i, b ^ (q << 4), true);
    if (bits > 2) to.setInt32(2 * plane + 4 * i, c ^ (r << 4), true);
    if (bits > 3) to.setInt32(3 * plane + 4 * i, d ^ (s << 4), true);
    if (bits > 4) to.setInt32(4 * plane + 4 * i, e ^ p, true);
    if (bits > 5) to.setInt32(5 * plane + 4 * i, f ^ q, true);
    if (bits > 6) to.setInt32(6 * plane + 4 * i, g ^ r, true);
    if (bits > 7) to.setInt32(7 * plane + 4 * i, h ^ s, true);
  }
  for (let byte = 4 * whole; byte < plane; byte++) {
    const end = Math.min(values.length, 8 * byte + 8);
    for (let p = 0; p < bits; p++) {
      let row = 0;
      for (let i = 8 * byte; i < end; i++) row |= ((values[i]! >> p) & 1) << (i & 7);
      out[p * plane + byte] = row;
    }
  }
}

/** The inverse. @param out takes `out.length` values */
export function fromBitPlanes(planes: Uint8Array, bits: number, out: Uint8Array): void {
  const plane = Math.ceil(out.length / 8);
  const whole = out.length >> 5;
  const from = new DataView(planes.buffer, planes.byteOffset, planes.length);
  const to = new DataView(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < whole; i++) {
    let a = from.getInt32(4 * i, true);
    let b = from.getInt32(plane + 4 * i, true);
    let c = bits > 2 ? from.getInt32(2 * plane + 4 * i, true) : 0;
    let d = bits > 3 ? from.getInt32(3 * plane + 4 * i, true) : 0;
    let e = bits > 4 ? from.getInt32(4 * plane + 4 * i, true) : 0;
    let f = bits > 5 ? from.getInt32(5 * plane + 4 * i, true) : 0;
    let g = bits > 6 ? from.getInt32(6 * plane + 4 * i, true) : 0;
    let h = bits > 7 ? from.getInt32(7 * plane + 4 * i, true) : 0;

    // A transposition undoes itself: the three steps on bits, then bytes back to their words.
    let p = ((a >>> 1) ^ b) & 0x55555555;
    let q = ((c >>> 1) ^ d) & 0x55555555;
    let r = ((e >>> 1) ^ f) & 0x55555555;
    let s = ((g >>> 1) ^ h) & 0x55555555;
    a ^= p << 1;
    b ^= p;
    c ^= q << 1;
    d ^= q;
    e ^= r << 1;
    f ^= r;
    g ^= s << 1;
    h ^= s;
    p = ((a >>> 2) ^ c) & 0x33333333;
    q = ((b >>> 2) ^ d) & 0x33333333;
    r = ((e >>> 2) ^ g) & 0x33333333;
    s = ((f >>> 2) ^ h) & 0x33333333;
    a ^= p << 2;
    c ^= p;
    b ^= q << 2;
    d ^= q;
    e ^= r << 2;
    g ^= r;
    f ^= s << 2;
    h ^= s;
    p = ((a >>> 4) ^ e) & 0x0f0f0f0f;
    q = ((b >>> 4) ^ f) & 0x0f0f0f0f;
    r = ((c >>> 4) ^ g) & 0x0f0f0f0f;
    s = ((d >>> 4) ^ h) & 0x0f0f0f0f;
    a ^= p << 4;
    e ^= p;
    b ^= q << 4;
    f ^= q;
    c ^= r << 4;
    g ^= r;
    d ^= s << 4;
    h ^= s;

    p = (a & 0x00ff00ff) | ((b & 0x00ff00ff) << 8);
    q = ((a >>> 8) & 0x00ff00ff) | (b & 0xff00ff00);
    r = (c & 0x00ff00ff) | ((d & 0x00ff00ff) << 8);
    s = ((c >>> 8) & 0x00ff00ff) | (d & 0xff00ff00);
    to.setInt32(32 * i, (p & 0xffff) | (r << 16), true);
    to.setInt32(32 * i + 8, (q & 0xffff) | (s << 16), true);
    to.setInt32(32 * i + 16, (p >>> 16) | (r & 0xffff0000), true);
    to.setInt32(32 * i + 24, (q >>> 16) | (s & 0xffff0000), true);
    p = (e & 0x00ff00ff) | ((f & 0x00ff00ff) << 8);
    q = ((e >>> 8) & 0x00ff00ff) | (f & 0xff00ff00);
    r = (g & 0x00ff00ff) | ((h & 0x00ff00ff) << 8);
    s = ((g >>> 8) & 0x00ff00ff) | (h & 0xff00ff00);
    to.setInt32(32 * i + 4, (p & 0xffff) | (r << 16), true);
    to.setInt32(32 * i + 12, (q & 0xffff) | (s << 16), true);
    to.setInt32(32 * i + 20, (p >>> 16) | (r & 0xffff0000), true);
    to.setInt32(32 * i + 28, (q >>> 16) | (s & 0xffff0000), true);
  }
  for (let i = 32 * whole; i < out.length; i++) {
    let value = 0;
    for (let p = 0; p < bits; p++) value |= ((planes[p * plane + (i >> 3)]! >> (i & 7)) & 1) << p;
    out[i] = value;
  }
}
