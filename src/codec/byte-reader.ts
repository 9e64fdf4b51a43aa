// The counterpart of ByteWriter for bytes that may be lies: it never reads past the end and never allocates on their word.

import { invalidFrame } from "./invalid-frame.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Every method reads one field and moves on. @throws {SpinnError} InvalidFrame when the field is not there or malformed */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #at = 0;

  /** @param what the thing being read, for messages: "packet" */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#what = what;
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  f32(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  /** An unsigned LEB128 number below 2^32 in its shortest form: one number, one way to write it. */
  varint(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 28; factor *= 128) {
      const byte = this.u8();
      value += (byte & 127) * factor;
      if (byte > 127) continue;
      if (byte === 0 && factor > 1) throw this.error("a number is not in its shortest form");
      if (value > 0xffffffff) break;
      return value;
    }
    throw this.error("a number exceeds 32 bits");
  }

  /** A view, not a copy. */
  bytes(count: number): Uint8Array {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  /** @param maxBytes its length in UTF-8 */
  text(maxBytes: number): string {
    const length = this.varint();
    if (length > maxBytes) throw this.error(`a text of ${length} bytes exceeds ${maxBytes}`);
    const bytes = this.bytes(length);
    try {
      return utf8.decode(bytes);
    } catch {
      throw this.error("a text is not UTF-8");
    }
  }

  /** @throws {SpinnError} InvalidFrame when bytes are left over */
  end(): void {
    if (this.left > 0) throw this.error(`${this.left} bytes are left over`);
  }

  error(reason: string): Error {
    return invalidFrame(this.#what, reason);
  }

  /** @returns where `count` bytes begin, which are there */
  #take(count: number): number {
    const at = this.#at;
    if (count > this.left) throw this.error(`it ends ${count - this.left} bytes too early`);
    this.#at += count;
    return at;
  }
}
