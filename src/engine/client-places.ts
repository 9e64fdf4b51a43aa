// How many of a pool's places a client may have at a time: its share of them, however much it asks for. What waits in the queue can
// be overtaken by others' tasks; what is with a worker takes their time.

/** Who has not asked for anything for so long needs no share. */
const ACTIVE_MS = 1000;
/** So often is looked who that is: places are given out thousands of times a second. */
const LOOK_MS = 100;

interface Client {
  held: number;
  askedAtMs: number;
}

export class ClientPlaces {
  readonly #clients = new Map<string, Client>();
  #lookAtMs = 0;

  asked(name: string, nowMs: number): void {
    const client = this.#clients.get(name);
    if (client) client.askedAtMs = nowMs;
    else this.#clients.set(name, { held: 0, askedAtMs: nowMs });
  }

  /** @param name of one that has asked, and has been waiting since */
  take(name: string): void {
    this.#clients.get(name)!.held++;
  }

  giveBack(name: string): void {
    this.#clients.get(name)!.held--;
  }

  /**
   * How many of `places` each may have; at least one. Forgets who needs none.
   *
   * @param isWaiting does a client wait for a place?
   */
  share(places: number, nowMs: number, isWaiting: (name: string) => boolean): number {
    if (nowMs >= this.#lookAtMs) {
      this.#lookAtMs = nowMs + LOOK_MS;
      for (const [name, { held, askedAtMs }] of this.#clients)
        if (held === 0 && nowMs - askedAtMs > ACTIVE_MS && !isWaiting(name)) this.#clients.delete(name);
    }
    return Math.ceil(places / Math.max(1, this.#clients.size));
  }

  held(name: string): number {
    return this.#clients.get(name)?.held ?? 0;
  }
}
