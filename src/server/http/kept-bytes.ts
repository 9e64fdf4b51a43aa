// Bytes that take work to make, kept for the next who asks: those asked for last, up to so many bytes in all.

export class KeptBytes {
  readonly #maxBytes: number;
  /** In the order of their last use. */
  readonly #kept = new Map<string, Uint8Array>();
  readonly #making = new Map<string, Promise<Uint8Array | undefined>>();
  #sizeBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @param make asked once at a time, however many wait; undefined: there is no such thing */
  async get(name: string, make: () => Promise<Uint8Array | undefined>): Promise<Uint8Array | undefined> {
    const kept = this.#kept.get(name);
    if (kept) {
      this.#kept.delete(name);
      this.#kept.set(name, kept);
      return kept;
    }
    const making = this.#making.get(name) ?? make().finally(() => this.#making.delete(name));
    this.#making.set(name, making);
    const made = await making;
    if (made && !this.#kept.has(name)) this.#keep(name, made);
    return made;
  }

  #keep(name: string, bytes: Uint8Array): void {
    if (bytes.length > this.#maxBytes) return;
    this.#kept.set(name, bytes);
    this.#sizeBytes += bytes.length;
    for (const [oldest, { length }] of this.#kept) {
      if (this.#sizeBytes <= this.#maxBytes) break;
      this.#kept.delete(oldest);
      this.#sizeBytes -= length;
    }
  }
}
