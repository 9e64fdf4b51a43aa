// A device without an engine: says to a server what a test wants said, rightly or wrongly, and keeps what comes back.

import { encodePacket, encodeTensor } from "../src/codec/index.ts";
import type { NetworkInfo } from "../src/engine/index.ts";
import { createRng } from "../src/random.ts";
import { sizeOf } from "../src/tensor.ts";
import type { Connection, ConnectionHandlers, Dial } from "../src/transport/index.ts";
import { decodeMessage, encodeMessage, type Hello, type Message, type Result, type Run } from "../src/wire/index.ts";

type Kind = Message["kind"];

export class RawDevice implements ConnectionHandlers {
  readonly heard: Message[] = [];
  /** Why the connection ended. */
  ending: string | undefined;
  /** What the server said of itself. */
  hello: Hello | undefined;
  #connection!: Connection;
  #waiting: (() => void)[] = [];

  static async dial(dial: Dial): Promise<RawDevice> {
    const device = new RawDevice();
    device.#connection = await dial(device, { maxMessageBytes: 2 ** 20 });
    return device;
  }

  /** Dials and exchanges hellos. */
  static async greeted(dial: Dial, network: NetworkInfo, hello: Partial<Hello> = {}): Promise<RawDevice> {
    const device = await RawDevice.dial(dial);
    device.say({ ...helloFor(network), ...hello });
    device.hello = await device.hears("hello");
    return device;
  }

  message(bytes: Uint8Array): void {
    this.heard.push(decodeMessage(bytes));
    this.#wake();
  }

  closed(reason: string): void {
    this.ending = reason;
    this.#wake();
  }

  say(message: Message | Uint8Array): void {
    this.#connection.send(message instanceof Uint8Array ? message : encodeMessage(message));
  }

  close(): void {
    this.#connection.close();
  }

  /** The next message of a kind, also one that is there already; it is taken out of `heard`. */
  async hears<K extends Kind>(kind: K, id?: number): Promise<Extract<Message, { kind: K }>> {
    const isWanted = (message: Message): boolean =>
      message.kind === kind && (id === undefined || ("id" in message && message.id === id));
    for (;;) {
      const place = this.heard.findIndex(isWanted);
      if (place >= 0) return this.heard.splice(place, 1)[0] as Extract<Message, { kind: K }>;
      if (this.ending !== undefined) throw new Error(`closed (${this.ending}) before a ${kind} came`);
      await this.#event();
    }
  }

  /** @returns why */
  async isClosed(): Promise<string> {
    while (this.ending === undefined) await this.#event();
    return this.ending;
  }

  /** Something has come, or the connection has ended. */
  #event(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async asks(run: Run): Promise<Result> {
    this.say(run);
    return await this.hears("result", run.id);
  }
}

export function helloFor({ modelHash }: NetworkInfo): Hello {
  const limits = { maxMessageBytes: 2 ** 20, maxTensorBytes: 2 ** 22, maxInFlight: 8 };
  return { kind: "hello", role: "device", modelHash, limits, agent: "test" };
}

/** Values of a network's input that a seed names. */
export function inputFor({ input }: NetworkInfo, seed: number): Float32Array {
  const rng = createRng(seed);
  return Float32Array.from({ length: sizeOf(input.shape) }, () => 4 * rng() - 2);
}

/** A run from `input`, uncompressed, in which no exit is ever confident. */
export function runFor(network: NetworkInfo, id: number, values: Float32Array): Run {
  const { name, shape } = network.input;
  const tensors = [encodeTensor({ name, shape, values }, { codec: "float32" })];
  return {
    kind: "run",
    id,
    plan: { cut: "input", thresholds: [1], codec: "float32", bits: 32 },
    wantsLogits: true,
    payload: { kind: "packet", bytes: encodePacket({ modelHash: network.modelHash, cut: "input", tensors }) },
  };
}
