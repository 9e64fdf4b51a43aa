// Memory for the tensors of batches, used again and again. New memory for each slice of each batch would have to be faulted in and
// collected: on two busy cores that took a quarter of the server's time.

import type { TensorMemory } from "../engine/boundary-packet.ts";
import type { BoundaryState } from "../engine/sliced-network.ts";

type Tensors = BoundaryState["tensors"];

const SMALLEST_BYTES = 4096;

/** Counts who holds it; whatever else than its own it is asked to hold or to let go, it ignores. */
export class ReusedMemory implements TensorMemory {
  /** What nobody holds, by size; sizes are powers of two. */
  readonly #free = new Map<number, ArrayBuffer[]>();
  /** How often each piece that is in use is held. */
  readonly #holds = new Map<ArrayBufferLike, number>();
  #taken: ArrayBuffer[] = [];

  /** Held until `settle`, and as long as somebody else holds it. The values are whatever they were. */
  take(length: number): Float32Array<ArrayBuffer> {
    const size = 2 ** Math.ceil(Math.log2(Math.max(length * Float32Array.BYTES_PER_ELEMENT, SMALLEST_BYTES)));
    const buffer = this.#free.get(size)?.pop() ?? new ArrayBuffer(size);
    this.#holds.set(buffer, 1);
    this.#taken.push(buffer);
    return new Float32Array(buffer, 0, length);
  }

  /** Keeps what these tensors lie in. */
  hold(tensors: Tensors): void {
    for (const { data } of Object.values(tensors)) {
      const holds = this.#holds.get(data.buffer);
      if (holds !== undefined) this.#holds.set(data.buffer, holds + 1);
    }
  }

  /** Undoes one `hold`. */
  letGo(tensors: Tensors): void {
    for (const { data } of Object.values(tensors)) this.#letGo(data.buffer);
  }

  /** At the end of a piece of work: what was taken for it and is not held by now is free. */
  settle(): void {
    const taken = this.#taken;
    this.#taken = [];
    for (const buffer of taken) this.#letGo(buffer);
  }

  #letGo(buffer: ArrayBufferLike): void {
    const holds = this.#holds.get(buffer);
    if (holds === undefined) return;
    if (holds > 1) {
      this.#holds.set(buffer, holds - 1);
      return;
    }
    this.#holds.delete(buffer);
    const free = this.#free.get(buffer.byteLength) ?? [];
    this.#free.set(buffer.byteLength, free);
    free.push(buffer as ArrayBuffer);
  }
}
