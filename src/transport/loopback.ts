// Device and server in one process: connections without a socket. Messages are copied, so that the two sides share nothing
// here that they would not share over a link.

import { SpinnError } from "../errors.ts";
import type { Accept, Connection, ConnectionHandlers, Dial } from "./transport.ts";

export interface LoopbackOptions {
  /** Longest message that the accepting side takes. @default no limit */
  readonly maxMessageBytes?: number;
}

/**
 * A listener that is dialled by a function call. Messages arrive in a microtask of their own, in order. A message is copied
 * when it arrives: a sender that writes to it before is noticed as on a socket.
 *
 * @example const dial = createLoopback(cloud.accept);
 */
export function createLoopback(accept: Accept, options: LoopbackOptions = {}): Dial {
  const { maxMessageBytes = Number.POSITIVE_INFINITY } = options;
  return async (handlers, { maxMessageBytes: deviceLimit, signal }) => {
    if (signal?.aborted) throw new SpinnError("Aborted", "Stopped while connecting");
    const device = new End(deviceLimit);
    const server = new End(maxMessageBytes);
    device.other = server;
    server.other = device;
    device.handlers = handlers;
    // In a microtask: what the server says at once comes after the caller has got the connection.
    queueMicrotask(() => {
      server.handlers = accept(server);
    });
    return device;
  };
}

/** One end of a pair. */
class End implements Connection {
  readonly peer = "loopback";
  other!: End;
  handlers!: ConnectionHandlers;
  readonly #maxMessageBytes: number;
  #bufferedBytes = 0;
  #isClosed = false;

  /** @param maxMessageBytes longest message that this end takes */
  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  send(message: Uint8Array): void {
    if (this.#isClosed) return;
    this.#bufferedBytes += message.length;
    queueMicrotask(() => {
      this.#bufferedBytes -= message.length;
      this.other.#receive(message);
    });
  }

  close(reason = "closed"): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    queueMicrotask(() => {
      this.handlers.closed(reason);
      // Last in line: what was sent before arrives before.
      this.other.#lose(reason);
    });
  }

  #receive(message: Uint8Array): void {
    if (this.#isClosed) return;
    if (message.length <= this.#maxMessageBytes) this.handlers.message(new Uint8Array(message));
    else this.close(`a message of ${message.length} bytes exceeds ${this.#maxMessageBytes}`);
  }

  #lose(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.handlers.closed(reason);
  }
}
