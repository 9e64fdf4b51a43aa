// Single bits, least significant first: for frequency tables, not for bulk.

import { invalidFrame } from "./invalid-frame.ts";

export class BitWriter {
  readonly #out: Uint8Array;
  #at: number;
  #held = 0;
  #count = 0;

  /** Writes into `out` from `at`; the caller sees to it that there is room. */
  constructor(out: Uint8Array, at: number) {
    this.#out = out;
    this.#at = at;
  }

  /** @param width at most 16 */
  put(value: number, width: number): void {
    this.#held |= value << this.#count;
    for (this.#count += width; this.#count >= 8; this.#count -= 8) {
      this.#out[this.#at++] = this.#held;
      this.#held >>>= 8;
    }
  }

  /** Fills the last byte with zeros. @returns where the next byte goes */
  finish(): number {
    if (this.#count > 0) this.#out[this.#at++] = this.#held;
    this.#count = 0;
    this.#held = 0;
    return this.#at;
  }
}

export class BitReader {
  readonly #bytes: Uint8Array;
  #at: number;
  #held = 0;
  #count = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** @param width at most 16 @throws {SpinnError} InvalidFrame past the end */
  take(width: number): number {
    for (; this.#count < width; this.#count += 8) {
      if (this.#at >= this.#bytes.length) throw invalidFrame("frequency table", "it ends too early");
      this.#held |= this.#bytes[this.#at++]! << this.#count;
    }
    const value = this.#held & ((1 << width) - 1);
    this.#held >>>= width;
    this.#count -= width;
    return value;
  }

  /** @returns where the next byte lies */
  finish(): number {
    return this.#at;
  }
}
