// What a lossless back end of the codec is: quantised values in, fewer bytes out, and back.

/** What is known about quantised values besides the values. */
export interface Symbols {
  /** They lie in [0, 2^bits). */
  readonly bits: number;
  /** The one that stands for 0, usually the most frequent. */
  readonly zeroPoint: number;
}

/** Pure: the same bytes from the same values on every machine. */
export interface EntropyCoder {
  /** @param values at least one @returns memory of its own */
  encode(values: Uint8Array, symbols: Symbols): Uint8Array;
  /**
   * @param out is filled; its length is the number of values
   * @throws {SpinnError} InvalidFrame when `packed` is malformed, or does not make so many values
   */
  decode(packed: Uint8Array, symbols: Symbols, out: Uint8Array): void;
}
