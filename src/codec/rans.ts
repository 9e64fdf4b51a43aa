// Range asymmetric numeral systems (J. Duda, arXiv 1311.2540): a static entropy coder of symbols in contexts. Four lanes of
// independent state take turns, so that a processor works on all four at once; each codes its own quarter of the symbols.

import { TOTAL, TOTAL_BITS } from "./frequency-table.ts";
import { invalidFrame } from "./invalid-frame.ts";

export const LANES = 4;
/** A state lies in [2^15, 2^31): always a positive int32, and one 16-bit word brings it back into range. */
const LOW = 1 << 15;
const STATE_BYTES = 4;

export interface SymbolModel {
  readonly contexts: number;
  readonly symbols: number;
  /** The context after each symbol; a lane starts in context 0. */
  readonly next: Uint8Array;
  /** [contexts, symbols], each context as `toFrequencies` makes it. */
  readonly frequencies: Int32Array;
}

/** Codes sequences of symbols, last sequence first: decoding runs the other way. */
export class RansEncoder {
  readonly #words: Uint16Array;
  readonly #states: Int32Array = new Int32Array(LANES).fill(LOW);
  /** Where the next word goes; words are written from the end. */
  #at: number;

  /** @param words room for one a symbol */
  constructor(words: Uint16Array) {
    this.#words = words;
    this.#at = words.length - 1;
  }

  /** @param entries one a symbol, a multiple of four: context * model.symbols + symbol, with a frequency above 0 */
  put(entries: Uint16Array, model: SymbolModel): void {
    const { codes, inverses } = encoderTables(model);
    const words = this.#words;
    const states = this.#states;
    const quarter = entries.length >> 2; // an integer to the compiler as well, which a quotient is not
    let at = this.#at;
    let a = states[0]! | 0;
    let b = states[1]! | 0;
    let c = states[2]! | 0;
    let d = states[3]! | 0;
    for (let i = quarter - 1; i >= 0; i--) {
      // Per lane: when the state would leave its range, its low word goes out (without a branch, which would be mispredicted
      // every other time); then state = floor(state / f) * TOTAL + state % f + start.
      let entry = entries[3 * quarter + i]!;
      let code = codes[entry]!;
      let over = (((code >> TOTAL_BITS) << (31 - TOTAL_BITS)) - 1 - d) >>> 31;
      words[at] = d;
      at -= over;
      d >>>= over << 4;
      d = (d + Math.imul((d * inverses[entry]!) | 0, TOTAL - (code >> TOTAL_BITS)) + (code & (TOTAL - 1))) | 0;

      entry = entries[2 * quarter + i]!;
      code = codes[entry]!;
      over = (((code >> TOTAL_BITS) << (31 - TOTAL_BITS)) - 1 - c) >>> 31;
      words[at] = c;
      at -= over;
      c >>>= over << 4;
      c = (c + Math.imul((c * inverses[entry]!) | 0, TOTAL - (code >> TOTAL_BITS)) + (code & (TOTAL - 1))) | 0;

      entry = entries[quarter + i]!;
      code = codes[entry]!;
      over = (((code >> TOTAL_BITS) << (31 - TOTAL_BITS)) - 1 - b) >>> 31;
      words[at] = b;
      at -= over;
      b >>>= over << 4;
      b = (b + Math.imul((b * inverses[entry]!) | 0, TOTAL - (code >> TOTAL_BITS)) + (code & (TOTAL - 1))) | 0;

      entry = entries[i]!;
      code = codes[entry]!;
      over = (((code >> TOTAL_BITS) << (31 - TOTAL_BITS)) - 1 - a) >>> 31;
      words[at] = a;
      at -= over;
      a >>>= over << 4;
      a = (a + Math.imul((a * inverses[entry]!) | 0, TOTAL - (code >> TOTAL_BITS)) + (code & (TOTAL - 1))) | 0;
    }
    states.set([a, b, c, d]);
    this.#at = at;
  }

  /** The four states, then the words in the order of decoding; little-endian. @returns the new end of `out` */
  finish(out: Uint8Array, from: number): number {
    const view = new DataView(out.buffer, out.byteOffset, out.length);
    let at = from;
    for (const state of this.#states) {
      view.setInt32(at, state, true);
      at += STATE_BYTES;
    }
    for (let i = this.#at + 1; i < this.#words.length; i++) {
      view.setUint16(at, this.#words[i]!, true);
      at += 2;
    }
    return at;
  }
}

/** `frequency << 12 | start` and 1 / frequency of every context and symbol. */
function encoderTables({ contexts, symbols, frequencies }: SymbolModel): { codes: Int32Array; inverses: Float64Array } {
  const codes = new Int32Array(contexts * symbols);
  const inverses = new Float64Array(contexts * symbols);
  for (let context = 0; context < contexts; context++) {
    let start = 0;
    for (let entry = context * symbols; entry < (context + 1) * symbols; entry++) {
      const frequency = frequencies[entry]!;
      codes[entry] = (frequency << TOTAL_BITS) | start;
      // A little more than 1 / f: for states below 2^31 the truncated product is then exactly floor(state / f).
      inverses[entry] = frequency === 0 ? 0 : (1 + 2 ** -40) / frequency;
      start += frequency;
    }
  }
  return { codes, inverses };
}

export class RansDecoder {
  readonly #words: DataView;
  readonly #states: Int32Array = new Int32Array(LANES);
  #at: number;

  /** @param bytes as `RansEncoder.finish` left them, and perhaps more after them */
  constructor(bytes: Uint8Array) {
    if (bytes.length < LANES * STATE_BYTES) throw invalidFrame("entropy-coded tensor", "it ends too early");
    this.#words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let lane = 0; lane < LANES; lane++) this.#states[lane] = this.#words.getInt32(lane * STATE_BYTES, true);
    if (this.#states.some((state) => state < LOW))
      throw invalidFrame("entropy-coded tensor", "a state is out of range");
    this.#at = LANES * STATE_BYTES;
  }

  /**
   * @param symbols is filled; a multiple of four
   * @throws {SpinnError} InvalidFrame when the words run out
   */
  take(symbols: Uint8Array, model: SymbolModel): void {
    const { next } = model;
    const { codes, symbolAt } = decoderTables(model);
    const count = model.symbols;
    const words = this.#words;
    const quarter = symbols.length >> 2;
    let at = this.#at;
    const states = this.#states;
    let a = states[0]! | 0;
    let b = states[1]! | 0;
    let c = states[2]! | 0;
    let d = states[3]! | 0;
    let contextA = 0;
    let contextB = 0;
    let contextC = 0;
    let contextD = 0;
    // A turn takes four words at most; while as many are there, nothing needs checking.
    const safe = words.byteLength - 2 * LANES;
    let i = 0;
    for (; i < quarter && at <= safe; i++) {
      let slot = a & (TOTAL - 1);
      let symbol = symbolAt[(contextA << TOTAL_BITS) | slot]!;
      symbols[i] = symbol;
      let code = codes[contextA * count + symbol]!;
      contextA = next[symbol]!;
      a = (Math.imul(code >> TOTAL_BITS, a >>> TOTAL_BITS) + slot - (code & (TOTAL - 1))) | 0;
      let under = (a - LOW) >>> 31;
      a = (a << (under << 4)) | (words.getUint16(at, true) & -under);
      at += under << 1;

      slot = b & (TOTAL - 1);
      symbol = symbolAt[(contextB << TOTAL_BITS) | slot]!;
      symbols[quarter + i] = symbol;
      code = codes[contextB * count + symbol]!;
      contextB = next[symbol]!;
      b = (Math.imul(code >> TOTAL_BITS, b >>> TOTAL_BITS) + slot - (code & (TOTAL - 1))) | 0;
      under = (b - LOW) >>> 31;
      b = (b << (under << 4)) | (words.getUint16(at, true) & -under);
      at += under << 1;

      slot = c & (TOTAL - 1);
      symbol = symbolAt[(contextC << TOTAL_BITS) | slot]!;
      symbols[2 * quarter + i] = symbol;
      code = codes[contextC * count + symbol]!;
      contextC = next[symbol]!;
      c = (Math.imul(code >> TOTAL_BITS, c >>> TOTAL_BITS) + slot - (code & (TOTAL - 1))) | 0;
      under = (c - LOW) >>> 31;
      c = (c << (under << 4)) | (words.getUint16(at, true) & -under);
      at += under << 1;

      slot = d & (TOTAL - 1);
      symbol = symbolAt[(contextD << TOTAL_BITS) | slot]!;
      symbols[3 * quarter + i] = symbol;
      code = codes[contextD * count + symbol]!;
      contextD = next[symbol]!;
      d = (Math.imul(code >> TOTAL_BITS, d >>> TOTAL_BITS) + slot - (code & (TOTAL - 1))) | 0;
      under = (d - LOW) >>> 31;
      d = (d << (under << 4)) | (words.getUint16(at, true) & -under);
      at += under << 1;
    }
    states.set([a, b, c, d]);
    const contexts = [contextA, contextB, contextC, contextD];
    for (; i < quarter; i++) {
      for (let lane = 0; lane < LANES; lane++) {
        const state = states[lane]!;
        const slot = state & (TOTAL - 1);
        const symbol = symbolAt[(contexts[lane]! << TOTAL_BITS) | slot]!;
        symbols[lane * quarter + i] = symbol;
        const code = codes[contexts[lane]! * count + symbol]!;
        contexts[lane] = next[symbol]!;
        let reduced = Math.imul(code >> TOTAL_BITS, state >>> TOTAL_BITS) + slot - (code & (TOTAL - 1));
        if (reduced < LOW) {
          if (at + 2 > words.byteLength) throw invalidFrame("entropy-coded tensor", "it ends too early");
          reduced = (reduced << 16) | words.getUint16(at, true);
          at += 2;
        }
        states[lane] = reduced;
      }
    }
    this.#at = at;
  }

  /**
   * Every lane must be back where the encoder began: the sum over all it read came out right.
   *
   * @returns bytes used
   */
  finish(): number {
    if (this.#states.some((state) => state !== LOW))
      throw invalidFrame("entropy-coded tensor", "its states do not add up");
    return this.#at;
  }
}

/** `codes` as the encoder's, and the symbol of each of the TOTAL slots of each context. */
function decoderTables({ contexts, symbols, frequencies }: SymbolModel): { codes: Int32Array; symbolAt: Uint8Array } {
  const codes = new Int32Array(contexts * symbols);
  const symbolAt = new Uint8Array(contexts << TOTAL_BITS);
  for (let context = 0; context < contexts; context++) {
    let start = 0;
    for (let symbol = 0; symbol < symbols; symbol++) {
      const frequency = frequencies[context * symbols + symbol]!;
      codes[context * symbols + symbol] = (frequency << TOTAL_BITS) | start;
      const from = (context << TOTAL_BITS) | start;
      symbolAt.fill(symbol, from, from + frequency);
      start += frequency;
    }
  }
  return { codes, symbolAt };
}
