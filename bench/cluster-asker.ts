// A device without an engine: asks one thing after the other, and counts what comes back. Nothing is computed here.

import type { NetworkInfo } from "../src/engine/index.ts";
import { packState } from "../src/engine/index.ts";
import { createRng } from "../src/random.ts";
import { float32, sizeOf } from "../src/tensor.ts";
import { type Connection, websocketDial } from "../src/transport/index.ts";
import { decodeMessage, encodeMessage } from "../src/wire/index.ts";

export interface Outcome {
  readonly asked: number;
  readonly answered: number;
  readonly refused: number;
  readonly slowestMs: number;
}

export class Asker {
  /** Runs so far that had a result. */
  answered = 0;
  readonly #network: NetworkInfo;
  readonly #packet: Uint8Array;
  #connection!: Connection;
  #lastId = 0;
  #heard: (kind: string) => void = () => {};

  private constructor(network: NetworkInfo) {
    this.#network = network;
    const { name, shape } = network.input;
    const rng = createRng(1);
    const values = Float32Array.from({ length: sizeOf(shape) }, () => 4 * rng() - 2);
    this.#packet = packState(
      network,
      { cut: "input", tensors: { [name]: float32(values, shape) }, portable: true },
      { codec: "lz4", bits: 8 },
    );
  }

  static async dial(url: string, network: NetworkInfo): Promise<Asker> {
    const asker = new Asker(network);
    asker.#connection = await websocketDial(url)(
      {
        message: (bytes) => {
          const { kind } = decodeMessage(bytes);
          if (kind === "result") asker.answered++;
          if (kind !== "stats") asker.#heard(kind);
        },
        closed: (reason) => asker.#heard(`closed: ${reason}`),
      },
      { maxMessageBytes: 2 ** 20 },
    );
    const limits = { maxMessageBytes: 2 ** 20, maxTensorBytes: 2 ** 22, maxInFlight: 1 };
    const kind = await asker.#say({
      kind: "hello",
      role: "device",
      modelHash: network.modelHash,
      limits,
      agent: "bench",
    });
    if (kind !== "hello") throw new Error(`${url} answers ${kind}`);
    return asker;
  }

  /** @returns what an answer took, in milliseconds. @throws {Error} when there is none */
  async ask(): Promise<number> {
    const startedMs = performance.now();
    const kind = await this.#run();
    if (kind !== "result") throw new Error(`A run was answered with ${kind}`);
    return performance.now() - startedMs;
  }

  /** Asks for so long, or until it is told to stop. */
  async askFor(durationMs: number, stop?: AbortSignal): Promise<Outcome> {
    const endMs = performance.now() + durationMs;
    let [asked, answered, refused, slowestMs] = [0, 0, 0, 0];
    while (performance.now() < endMs && !stop?.aborted) {
      asked++;
      const startedMs = performance.now();
      const kind = await this.#run();
      slowestMs = Math.max(slowestMs, performance.now() - startedMs);
      if (kind === "result") answered++;
      else if (kind === "refuse") refused++;
      else return { asked, answered, refused, slowestMs };
    }
    return { asked, answered, refused, slowestMs };
  }

  close(): void {
    this.#connection.close();
  }

  #run(): Promise<string> {
    return this.#say({
      kind: "run",
      id: ++this.#lastId,
      plan: { cut: "input", thresholds: this.#network.exits.map(() => 1), codec: "lz4", bits: 8 },
      wantsLogits: false,
      payload: { kind: "packet", bytes: this.#packet },
    });
  }

  #say(message: Parameters<typeof encodeMessage>[0]): Promise<string> {
    return new Promise((resolve) => {
      this.#heard = resolve;
      this.#connection.send(encodeMessage(message));
    });
  }
}
