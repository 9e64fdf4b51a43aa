// Looks after open WebSockets from time to time: messages that never end, more of them than there is memory for, floods of pings.
// What the library hands over are whole messages only; of what is under way, a socket tells how many bytes it has read.

import type { WebSocket } from "ws";

export interface PatrolOptions {
  /** Parts of messages that have not come whole, of all connections together; beyond, the largest go. @default 256 MiB */
  readonly maxUnfinishedBytes?: number;
  /** A message must have come after so long. @default 30 000 */
  readonly messageTimeoutMs?: number;
}

/** What has been seen of one connection. */
interface Watched {
  readonly socket: WebSocket;
  /** Bytes that its socket has read so far. */
  readonly bytesRead: () => number;
  /** At the last whole message. */
  wholeBytes: number;
  /** Since when there is part of a message. */
  sinceMs: number;
  /** Since the last look. */
  pings: number;
}

const INTERVAL_MS = 250;
/** Browsers and proxies send one every some seconds. */
const MAX_PINGS = 50;
/** So little needs no care: it is a proxy's pings, or costs nothing. */
const TRIFLE_BYTES = 4096;
/** Of the WebSocket protocol: it breaks a rule of ours. */
const POLICY = 1008;

export class WebSocketPatrol {
  readonly #maxUnfinishedBytes: number;
  readonly #messageTimeoutMs: number;
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;

  constructor({ maxUnfinishedBytes = 2 ** 28, messageTimeoutMs = 30_000 }: PatrolOptions = {}) {
    this.#maxUnfinishedBytes = maxUnfinishedBytes;
    this.#messageTimeoutMs = messageTimeoutMs;
  }

  watch(socket: WebSocket, bytesRead: () => number): void {
    const one: Watched = { socket, bytesRead, wholeBytes: bytesRead(), sinceMs: performance.now(), pings: 0 };
    this.#watched.add(one);
    socket.on("message", () => {
      one.wholeBytes = bytesRead();
    });
    socket.on("ping", () => {
      // at once: until the next look, thousands could be answered
      if (++one.pings > MAX_PINGS) end(one, "too many pings");
    });
    socket.on("close", () => {
      this.#watched.delete(one);
      if (this.#watched.size === 0) clearInterval(this.#timer);
    });
    if (this.#watched.size === 1) this.#timer = setInterval(() => this.#look(performance.now()), INTERVAL_MS);
  }

  #look(nowMs: number): void {
    let sum = 0;
    const unfinished: { readonly one: Watched; readonly bytes: number }[] = [];
    for (const one of this.#watched) {
      const bytes = one.bytesRead() - one.wholeBytes;
      if (bytes <= TRIFLE_BYTES) one.sinceMs = nowMs;
      if (nowMs - one.sinceMs > this.#messageTimeoutMs) end(one, "a message took too long");
      else {
        sum += bytes;
        unfinished.push({ one, bytes });
      }
      one.pings = 0;
    }
    if (sum <= this.#maxUnfinishedBytes) return;
    unfinished.sort((a, b) => b.bytes - a.bytes);
    for (const { one, bytes } of unfinished) {
      if (sum <= this.#maxUnfinishedBytes) break;
      end(one, "too much is under way at once");
      sum -= bytes;
    }
  }
}

/** At once: whoever does not stop would not answer the closing handshake either. */
function end({ socket }: Watched, reason: string): void {
  socket.close(POLICY, reason);
  socket.terminate();
}
