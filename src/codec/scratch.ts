// Working memory that is kept between calls: a codec runs thousands of times a minute over tensors of the same few sizes,
// and fresh memory costs more than what is done with it. Nothing here outlives a call, and no call runs inside another.

/** A buffer that grows and never shrinks; what it holds at first is whatever the last call left. */
export class Scratch {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  /** @returns exactly `size` bytes, from a boundary of eight */
  take(size: number): Uint8Array<ArrayBuffer> {
    if (this.#bytes.length < size) this.#bytes = new Uint8Array(2 ** Math.ceil(Math.log2(Math.max(4096, size))));
    return this.#bytes.subarray(0, size);
  }
}
