// What batches of each size cost, learnt while running: how many images a slice should take at once follows from it. On a CPU some
// slices gain a third from company and others lose; on a GPU nearly all gain.

/** A size is believed after so many runs. */
const TRIES = 6;
/** Of the last so many runs the shortest counts: whatever else the machine does only ever adds. */
const MEMORY = 12;
/** Twice as many images have to be at least this much cheaper, each. */
const GAIN = 0.98;
/** After so many runs a neighbouring size is tried again: the machine may have changed. */
const RETRY_RUNS = 200;

export class CostCurve {
  readonly #maxSize: number;
  /** Milliseconds of the last batches, by size. */
  readonly #lastMs = new Map<number, number[]>();
  #size = 1;
  #runs = 0;

  /** @param maxSize of a batch */
  constructor(maxSize = 32) {
    this.#maxSize = maxSize;
  }

  /** How many images to run together, if there are as many: the best size known, or one that is being tried. */
  get size(): number {
    return this.#size;
  }

  /** What a single image takes at best; 0 as long as nobody knows. Milliseconds. */
  get singleMs(): number {
    return this.#bestMs(1) ?? 0;
  }

  observe(size: number, ms: number): void {
    const last = this.#lastMs.get(size) ?? [];
    this.#lastMs.set(size, last);
    last.push(ms);
    if (last.length > MEMORY) last.shift();
    if (++this.#runs % RETRY_RUNS === 0) this.#doubt();
    this.#size = this.#choose();
  }

  /** Larger and larger, as long as that pays. */
  #choose(): number {
    let size = 1;
    while (this.#isKnown(size)) {
      const larger = 2 * size;
      if (larger > this.#maxSize || (this.#isKnown(larger) && !this.#pays(size, larger))) return size;
      size = larger;
    }
    return size;
  }

  #pays(size: number, larger: number): boolean {
    return this.#bestMs(larger)! / larger <= (GAIN * this.#bestMs(size)!) / size;
  }

  /** Forgets, in turn, what the next larger and the next smaller size cost. */
  #doubt(): void {
    const isLarger = (this.#runs / RETRY_RUNS) % 2 === 1;
    this.#lastMs.delete(isLarger ? this.#size * 2 : this.#size / 2);
  }

  #isKnown(size: number): boolean {
    return (this.#lastMs.get(size)?.length ?? 0) >= TRIES;
  }

  #bestMs(size: number): number | undefined {
    const last = this.#lastMs.get(size);
    return last && Math.min(...last);
  }
}
