// How many of a pool's places a client may have at a time: its share of them, however much it asks for; and who has had so much of
// late that the others go first. What waits in the queue can be overtaken by others' tasks; what is with a worker takes their time.

/** Who has not asked for anything for so long needs no share. */
const ACTIVE_MS = 1000;
/** So often is looked who that is: places are given out thousands of times a second. */
const LOOK_MS = 100;
/** Of what a client has had, a third counts after this time. */
const FORGET_MS = 1000;
/** Then the moment is another one, lest numbers become too large. */
const MOST_WEIGHT = 1e6;
/** Whoever has had so many times what the others have had on average lets them go first. */
const GREEDY = 4;

interface Client {
  held: number;
  askedAtMs: number;
  /** What it has had, in units of a moment that is always the same: what is had later counts more, instead of this less. */
  had: number;
}

export class ClientPlaces {
  readonly #clients = new Map<string, Client>();
  #lookAtMs = 0;
  /** Of all clients. */
  #had = 0;
  #momentMs = 0;

  asked(name: string, nowMs: number): void {
    const client = this.#clients.get(name);
    if (client) client.askedAtMs = nowMs;
    else this.#clients.set(name, { held: 0, askedAtMs: nowMs, had: 0 });
  }

  /**
   * @param name of one that has asked, and has been waiting since
   * @param cost of what it gets, in any unit that is the same for all
   */
  take(name: string, cost: number, nowMs: number): void {
    const client = this.#clients.get(name)!;
    const had = cost * this.#weightAt(nowMs);
    client.held++;
    client.had += had;
    this.#had += had;
  }

  /** Has it had far more of late than others, who may want something, too? */
  isGreedy(name: string): boolean {
    const had = this.#clients.get(name)?.had ?? 0;
    return had * (this.#clients.size - 1) > GREEDY * (this.#had - had);
  }

  held(name: string): number {
    return this.#clients.get(name)?.held ?? 0;
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
      this.#had = 0;
      for (const [name, { held, askedAtMs, had }] of this.#clients)
        if (held === 0 && nowMs - askedAtMs > ACTIVE_MS && !isWaiting(name)) this.#clients.delete(name);
        else this.#had += had;
    }
    return Math.ceil(places / Math.max(1, this.#clients.size));
  }

  #weightAt(nowMs: number): number {
    const weight = Math.exp((nowMs - this.#momentMs) / FORGET_MS);
    if (weight < MOST_WEIGHT) return weight;
    this.#momentMs = nowMs;
    for (const client of this.#clients.values()) client.had /= weight;
    this.#had /= weight;
    return 1;
  }
}
