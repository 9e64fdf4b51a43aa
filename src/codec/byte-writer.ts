// Little-endian bytes, one field after the other, in a buffer that grows.

const utf8 = new TextEncoder();

export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #length = 0;

  /** @param expected how many bytes it will probably be */
  constructor(expected: number) {
    this.#bytes = new Uint8Array(Math.max(16, expected));
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    this.#view.setUint8(this.#claim(1), value);
  }

  u16(value: number): void {
    this.#view.setUint16(this.#claim(2), value, true);
  }

  u32(value: number): void {
    this.#view.setUint32(this.#claim(4), value, true);
  }

  f32(value: number): void {
    this.#view.setFloat32(this.#claim(4), value, true);
  }

  /** Unsigned LEB128: seven bits a byte, least significant first. @param value an integer in [0, 2^32) */
  varint(value: number): void {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.u8((rest % 128) | 128);
    this.u8(rest);
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#claim(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Its length in bytes as a varint, then UTF-8. */
  text(text: string): void {
    const bytes = utf8.encode(text);
    this.varint(bytes.length);
    this.bytes(bytes);
  }

  /** Writes over four bytes that are there already: a size that is known only now. */
  setU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  /** What has been written; a view, valid until more is written. */
  done(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Makes room for `count` bytes. @returns where they go */
  #claim(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}
