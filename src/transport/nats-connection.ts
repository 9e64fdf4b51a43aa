// A connection over NATS: each end listens on a subject of its own and publishes on the other's. Messages longer than NATS takes go
// in parts; whoever publishes for somebody who has gone hears of it from the server.

import { createInbox, type Msg, type NatsConnection as NatsClient, type Subscription } from "@nats-io/nats-core";
import { linkOf, type NatsLink } from "./nats-link.ts";
import type { Connection, ConnectionHandlers } from "./transport.ts";
import { shortened } from "./websocket-closing.ts";

/** The first byte of what is published. */
export const frameKinds = {
  /** To a listener: I would like to talk; answer at the reply subject. */
  open: 1,
  /** From a listener: talk to me at the reply subject. */
  opened: 2,
  /** A part of a message that is not its last. */
  part: 3,
  /** A message, or the last part of one. */
  message: 4,
  /** The other end is gone; why, in UTF-8. */
  close: 5,
  /** Nothing: is somebody there? */
  alive: 6,
} as const;

/** How the server answers what nobody is subscribed to. */
const NOBODY = 503;
/** After so long without a message an end looks whether the other is still there. */
const ALIVE_INTERVAL_MS = 5000;

/** Is it the server's word that nobody listens where something was published? */
export function saysNobody({ headers, data }: Msg): boolean {
  return data.length === 0 && headers?.code === NOBODY;
}

/** A frame in memory of its own. */
export function frame(kind: number, body: Uint8Array = new Uint8Array()): Uint8Array {
  const bytes = new Uint8Array(1 + body.length);
  bytes[0] = kind;
  bytes.set(body, 1);
  return bytes;
}

export function closeFrame(reason: string): Uint8Array {
  return frame(frameKinds.close, new TextEncoder().encode(shortened(reason)));
}

/** One end of a connection. */
export interface NatsEnd {
  /** Longest message that it takes. */
  readonly maxMessageBytes: number;
  /** Takes what comes before `begin`: the answer of whom was called. */
  readonly first?: (message: Msg) => void;
  /** What the subject begins with where it listens. @default "_INBOX" */
  readonly inboxPrefix?: string;
}

export class NatsConnection implements Connection {
  readonly peer: string;
  /** Where this end listens. */
  readonly inbox: string;
  readonly #nats: NatsClient;
  readonly #link: NatsLink;
  readonly #subscription: Subscription;
  readonly #maxMessageBytes: number;
  readonly #forgetLink: () => void;
  #isAlive: ReturnType<typeof setInterval> | undefined;
  #handlers: ConnectionHandlers | undefined;
  /** Where the other end listens. */
  #other: string | undefined;
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #bufferedBytes = 0;
  #isFlushing = false;
  #isClosed = false;

  /** @param peer as errors name it */
  constructor(nats: NatsClient, peer: string, { maxMessageBytes, first = () => {}, inboxPrefix }: NatsEnd) {
    this.#nats = nats;
    this.inbox = createInbox(inboxPrefix);
    this.peer = peer;
    this.#link = linkOf(nats);
    this.#maxMessageBytes = maxMessageBytes;
    this.#subscription = nats.subscribe(this.inbox, {
      callback: (error, message) => {
        if (error) this.#end(error.message);
        else if (this.#other === undefined) first(message);
        // in a microtask: whoever has just been given this end comes first
        else queueMicrotask(() => this.#receive(message));
      },
    });
    this.#forgetLink = this.#link.onLost(() => this.#end("connection lost"));
  }

  /** From now on the two ends talk. */
  begin(other: string, handlers: ConnectionHandlers): void {
    this.#other = other;
    this.#handlers = handlers;
    this.#isAlive = setInterval(() => this.#publish(frame(frameKinds.alive)), ALIVE_INTERVAL_MS);
  }

  get bufferedBytes(): number {
    return this.#isClosed ? 0 : this.#bufferedBytes;
  }

  send(message: Uint8Array): void {
    const maxBytes = this.#nats.info?.max_payload;
    if (this.#isClosed || maxBytes === undefined) return;
    let at = 0;
    for (; message.length - at >= maxBytes; at += maxBytes - 1)
      this.#publish(frame(frameKinds.part, message.subarray(at, at + maxBytes - 1)));
    this.#publish(frame(frameKinds.message, message.subarray(at)));
    this.#bufferedBytes += message.length;
    this.#awaitLeaving();
  }

  close(reason = "closed"): void {
    if (this.#isClosed) return;
    if (this.#other !== undefined && this.#link.isUp) this.#nats.publish(this.#other, closeFrame(reason));
    this.#stop();
    queueMicrotask(() => this.#handlers?.closed(reason));
  }

  #publish(bytes: Uint8Array): void {
    if (this.#isClosed || this.#other === undefined) return;
    // with a place for the server to say that nobody is there
    if (this.#link.isUp && !this.#nats.isClosed()) this.#nats.publish(this.#other, bytes, { reply: this.inbox });
  }

  /** The NATS server answers in order: what was published before it was asked has left by then. Asked again as long as more has come. */
  #awaitLeaving(): void {
    if (this.#isFlushing || this.#bufferedBytes === 0) return;
    this.#isFlushing = true;
    const bytes = this.#bufferedBytes;
    const left = (): void => {
      this.#isFlushing = false;
      this.#bufferedBytes -= bytes;
      if (!this.#isClosed) this.#awaitLeaving();
    };
    this.#nats.flush().then(left, left);
  }

  #receive(message: Msg): void {
    if (this.#isClosed) return;
    const { data } = message;
    if (saysNobody(message)) this.#end("connection lost");
    else if (data[0] === frameKinds.message || data[0] === frameKinds.part) this.#take(data);
    else if (data[0] === frameKinds.close) this.#end(new TextDecoder().decode(data.subarray(1)) || "closed");
    else if (data[0] !== frameKinds.alive) this.close("something came that is not a frame");
  }

  #take(data: Uint8Array): void {
    this.#partBytes += data.length - 1;
    if (this.#partBytes > this.#maxMessageBytes) {
      this.close(`a message of ${this.#partBytes} bytes or more exceeds ${this.#maxMessageBytes}`);
      return;
    }
    if (data[0] === frameKinds.part) {
      this.#parts.push(data.slice(1));
      return;
    }
    const whole = new Uint8Array(this.#partBytes);
    let at = 0;
    for (const part of [...this.#parts, data.subarray(1)]) {
      whole.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    this.#partBytes = 0;
    this.#handlers?.message(whole);
  }

  #end(reason: string): void {
    if (this.#isClosed) return;
    this.#stop();
    this.#handlers?.closed(reason);
  }

  #stop(): void {
    this.#isClosed = true;
    clearInterval(this.#isAlive);
    this.#forgetLink();
    this.#parts = [];
    if (!this.#nats.isClosed()) this.#subscription.unsubscribe();
  }
}
