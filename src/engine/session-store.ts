// Sessions by key, opened when first needed and shared. There are a few hundred ways to slice a network: those that have not
// been used for longest make room.

import { SpinnError } from "../errors.ts";
import type { Session, Tensors } from "../runtime/runtime.ts";

/** A session, and what it costs to keep. */
export interface Opened {
  readonly session: Session;
  readonly weightBytes: number;
}

/** What is kept at most, but for what is in use and the session used last. */
export interface StoreLimits {
  readonly sessions: number;
  readonly weightBytes: number;
}

interface Entry {
  readonly opened: Promise<Opened>;
  /** 0 until it is open. */
  weightBytes: number;
  /** Openings and runs under way. */
  users: number;
}

export class SessionStore {
  readonly #limits: StoreLimits;
  /** Those used last are last. */
  readonly #entries = new Map<string, Entry>();
  #weightBytes = 0;
  #released = false;

  constructor(limits: StoreLimits) {
    this.#limits = limits;
  }

  /** @throws {SpinnError} as `make` and `Session.run` */
  async run(key: string, make: () => Promise<Opened>, feeds: Tensors, fetches: readonly string[]): Promise<Tensors> {
    return await this.#use(this.#entry(key, make), ({ session }) => session.run(feeds, fetches));
  }

  /** Opens a session ahead of time. @throws {SpinnError} as `make` */
  async open(key: string, make: () => Promise<Opened>): Promise<void> {
    await this.#use(this.#entry(key, make), () => undefined);
  }

  /** Whoever comes afterwards gets an error. */
  async release(): Promise<void> {
    this.#released = true;
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    this.#weightBytes = 0;
    await Promise.all(entries.map(release));
  }

  #entry(key: string, make: () => Promise<Opened>): Entry {
    if (this.#released) throw new SpinnError("Runtime", "The network was released");
    const entry = this.#entries.get(key);
    if (entry) {
      this.#entries.delete(key);
      this.#entries.set(key, entry);
      return entry;
    }
    const opening: Entry = { opened: make(), weightBytes: 0, users: 0 };
    this.#entries.set(key, opening);
    opening.opened.then(
      ({ weightBytes }) => {
        opening.weightBytes = weightBytes;
        this.#weightBytes += weightBytes;
      },
      // A failure is told to whoever waits; the next one tries again.
      () => this.#entries.delete(key),
    );
    return opening;
  }

  async #use<T>(entry: Entry, work: (opened: Opened) => T): Promise<Awaited<T>> {
    entry.users++;
    try {
      return await work(await entry.opened);
    } finally {
      entry.users--;
      if (this.#isFull()) this.#makeRoom();
    }
  }

  #isFull(): boolean {
    return this.#entries.size > this.#limits.sessions || this.#weightBytes > this.#limits.weightBytes;
  }

  #makeRoom(): void {
    const newest = [...this.#entries.keys()].at(-1);
    for (const [key, entry] of this.#entries) {
      if (!this.#isFull()) return;
      if (entry.users > 0 || key === newest) continue;
      this.#entries.delete(key);
      this.#weightBytes -= entry.weightBytes;
      void release(entry);
    }
  }
}

async function release({ opened }: Entry): Promise<void> {
  await opened.then(
    ({ session }) => session.release(),
    () => undefined, // was told when it failed
  );
}
