// A server without an engine: hears what a device says, and says what a test wants said, rightly or wrongly.

import type { NetworkInfo } from "../src/engine/index.ts";
import { type Connection, type ConnectionHandlers, createLoopback, type Dial } from "../src/transport/index.ts";
import { decodeMessage, encodeMessage, type Hello, type Message, type Run } from "../src/wire/index.ts";

type Kind = Message["kind"];

export class RawServer {
  readonly dial: Dial;
  /** Everything that was heard and not yet taken by `hears`, of all connections. */
  readonly heard: Message[] = [];
  /** Connections so far. */
  connections = 0;
  /** Answers hello and ping by itself. */
  isPolite = true;
  hello: Hello;
  /** Of the last connection; undefined while there is none. */
  connection: Connection | undefined;
  #wake = (): void => {};

  constructor({ modelHash }: NetworkInfo, limits: Partial<Hello["limits"]> = {}) {
    this.hello = {
      kind: "hello",
      role: "server",
      modelHash,
      limits: { maxMessageBytes: 2 ** 20, maxTensorBytes: 2 ** 22, maxInFlight: 8, ...limits },
      agent: "test",
    };
    this.dial = createLoopback((connection) => this.#accept(connection));
  }

  #accept(connection: Connection): ConnectionHandlers {
    this.connections++;
    this.connection = connection;
    return {
      message: (bytes) => {
        const message = decodeMessage(bytes);
        if (this.isPolite && message.kind === "hello") this.say(this.hello);
        else if (this.isPolite && message.kind === "ping") this.say({ kind: "pong", id: message.id });
        else {
          this.heard.push(message);
          this.#wake();
        }
      },
      closed: () => {
        if (this.connection === connection) this.connection = undefined;
        this.#wake();
      },
    };
  }

  say(message: Message | Uint8Array): void {
    this.connection?.send(message instanceof Uint8Array ? message : encodeMessage(message));
  }

  /** The next message of a kind, also one that is there already. */
  async hears<K extends Kind>(kind: K): Promise<Extract<Message, { kind: K }>> {
    for (;;) {
      const place = this.heard.findIndex((message) => message.kind === kind);
      if (place >= 0) return this.heard.splice(place, 1)[0] as Extract<Message, { kind: K }>;
      await this.#something();
    }
  }

  /** Waits until the last connection is closed. */
  async isLeft(): Promise<void> {
    while (this.connection) await this.#something();
  }

  /** Answers a run; by default as the network's own exit, surely. */
  answer({ id }: Run, answer: Partial<Extract<Message, { kind: "result" }>> = {}): void {
    this.say({ kind: "result", id, exit: 2, label: 1, confidence: 0.9, queueMs: 1, computeMs: 2, ...answer });
  }

  async #something(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** Until everything that can happen without a turned clock has happened. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
}
