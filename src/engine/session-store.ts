// Sessions by key, opened when first needed and shared. There are a few hundred ways to slice a network: those that have not
// been used for longest make room.

import { SpinnError } from "../errors.ts";
import type { Session, Tensors } from "../runtime/runtime.ts";

interface Entry {
  readonly session: Promise<Session>;
  /** Runs under way. */
  users: number;
}

export class SessionStore {
  readonly #limit: number;
  /** Those used last are last. */
  readonly #entries = new Map<string, Entry>();
  #released = false;

  /** @param limit sessions that are kept; more only while all of them are in use */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws {SpinnError} as `make` and `Session.run` */
  async run(key: string, make: () => Promise<Session>, feeds: Tensors, fetches: readonly string[]): Promise<Tensors> {
    const entry = this.#entry(key, make);
    entry.users++;
    try {
      return await (await entry.session).run(feeds, fetches);
    } finally {
      entry.users--;
    }
  }

  /** Opens a session ahead of time. @throws {SpinnError} as `make` */
  async open(key: string, make: () => Promise<Session>): Promise<void> {
    await this.#entry(key, make).session;
  }

  /** Whoever comes afterwards gets an error. */
  async release(): Promise<void> {
    this.#released = true;
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(entries.map(release));
  }

  #entry(key: string, make: () => Promise<Session>): Entry {
    if (this.#released) throw new SpinnError("Runtime", "The network was released");
    let entry = this.#entries.get(key);
    if (entry) {
      this.#entries.delete(key);
      this.#entries.set(key, entry);
      return entry;
    }
    entry = { session: make(), users: 0 };
    this.#entries.set(key, entry);
    // A failure is told to whoever waits; the next one tries again.
    entry.session.catch(() => this.#entries.delete(key));
    this.#makeRoom(key);
    return entry;
  }

  #makeRoom(newest: string): void {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= this.#limit) return;
      if (entry.users > 0 || key === newest) continue;
      this.#entries.delete(key);
      void release(entry);
    }
  }
}

async function release({ session }: Entry): Promise<void> {
  await session.then(
    (opened) => opened.release(),
    () => undefined, // was told when it failed
  );
}
