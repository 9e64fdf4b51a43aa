// Is a client's connection to its NATS server up? NATS delivers at most once: what was on its way when the connection broke is
// lost, and whoever relies on order hears of the break here.

import type { NatsConnection } from "@nats-io/nats-core";

export interface NatsLink {
  /** False from a break until the client is connected again. */
  readonly isUp: boolean;
  /** Calls `lost` at every break. @returns takes it back */
  onLost(lost: () => void): () => void;
}

/** One each: the client's stream of events has one reader for all that runs over it. */
const links = new WeakMap<NatsConnection, Link>();

/** @param nats connected */
export function linkOf(nats: NatsConnection): NatsLink {
  const known = links.get(nats);
  if (known) return known;
  const link = new Link(nats);
  links.set(nats, link);
  return link;
}

class Link implements NatsLink {
  isUp: boolean;
  readonly #listeners = new Set<() => void>();

  constructor(nats: NatsConnection) {
    this.isUp = !nats.isClosed();
    void this.#watch(nats);
  }

  onLost(lost: () => void): () => void {
    this.#listeners.add(lost);
    return () => this.#listeners.delete(lost);
  }

  async #watch(nats: NatsConnection): Promise<void> {
    for await (const { type } of nats.status()) {
      if (type === "reconnect") this.isUp = true;
      else if (type === "disconnect" || type === "close") this.#lose();
    }
    this.#lose();
  }

  #lose(): void {
    this.isUp = false;
    for (const lost of [...this.#listeners]) lost();
  }
}
