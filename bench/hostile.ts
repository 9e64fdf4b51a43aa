// Hostile peers against a server, while an honest one keeps asking: whatever they send has an outcome with a name, the honest
// one gets right answers, and memory stays what it was.

import { encodePacket, encodeTensor } from "../src/codec/index.ts";
import { type CloudEngine, type Compute, createCloudEngine, type NetworkInfo } from "../src/engine/index.ts";
import { createRng, type Rng } from "../src/random.ts";
import { sizeOf } from "../src/tensor.ts";
import { type Connection, createLoopback, type Dial, listenWebSocket, websocketDial } from "../src/transport/index.ts";
import { decodeMessage, type ExitAnswer, encodeMessage, type Message } from "../src/wire/index.ts";
import { type Attack, helloOf, hostileFrames } from "./hostile-frames.ts";

export interface HostileOptions {
  readonly compute: Compute;
  /** Hostile messages in all. */
  readonly frames: number;
  /** So many of them over a real WebSocket. */
  readonly webSocketFrames: number;
  readonly seed: number;
  readonly onProgress?: (sent: number) => void;
}

/** Plain JSON. */
export interface HostileReport {
  readonly frames: number;
  readonly connections: number;
  readonly framesPerSecond: number;
  /** What became of messages and connections, by name. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly attacks: Readonly<Record<string, number>>;
  /** Connections that the server ended without a word about why. */
  readonly unexplained: number;
  /** Faults that the server took for its own. */
  readonly serverFaults: Readonly<Record<string, number>>;
  readonly honest: Honest;
  /** Resident memory at the end over that after a tenth of the messages. */
  readonly rssGrowth: number;
  readonly rssMiB: number;
}

export interface Honest {
  readonly right: number;
  readonly wrong: number;
  /** Asked again since the queue was full. */
  readonly busy: number;
  readonly reconnects: number;
}

/** Hostile connections at a time. */
const PEERS = 32;
const LIMIT_BYTES = 2 ** 21;
const QUESTIONS = 20;

export async function attack(options: HostileOptions): Promise<HostileReport> {
  const { compute, frames, webSocketFrames, seed, onProgress } = options;
  const faults = new Tally();
  const onError = (error: unknown): void => faults.add(String(error).slice(0, 80));
  const engine = createCloudEngine({ networks: [compute], onError, statsIntervalMs: 200 });
  const { accept, maxMessageBytes } = engine;
  const listener = await listenWebSocket({ port: 0, accept, maxMessageBytes });
  const next = hostileFrames(compute.network, maxMessageBytes, createRng(seed));
  const horde = new Horde(compute.network, next, createRng(seed + 1));
  const questions = await makeQuestions(compute);
  const loopback = createLoopback(accept, { maxMessageBytes });
  const honest = [new HonestClient(loopback, compute.network, questions)];
  honest.push(new HonestClient(websocketDial(listener.url), compute.network, questions));
  const asking = honest.map((client) => client.ask());

  const from = performance.now();
  await horde.send(loopback, Math.ceil(frames / 10), onProgress);
  const rssEarly = process.memoryUsage.rss();
  await horde.send(loopback, frames - webSocketFrames, onProgress);
  await horde.send(websocketDial(listener.url), frames, onProgress);
  const seconds = (performance.now() - from) / 1000;
  const results = await Promise.all(honest.map((client, i) => client.stop().then(() => asking[i])));
  horde.leave();
  await drained(engine);
  const rss = process.memoryUsage.rss();
  await engine.close();
  await listener.close();
  const sum = (key: keyof Honest): number => results.reduce((total, one) => total + one![key], 0);
  return {
    frames,
    connections: horde.connections,
    framesPerSecond: Math.round(frames / seconds),
    outcomes: horde.outcomes.counts,
    attacks: horde.attacks.counts,
    unexplained: horde.unexplained,
    serverFaults: faults.counts,
    honest: { right: sum("right"), wrong: sum("wrong"), busy: sum("busy"), reconnects: sum("reconnects") },
    rssGrowth: rss / rssEarly,
    rssMiB: Math.round(rss / 2 ** 20),
  };
}

async function drained(engine: CloudEngine): Promise<void> {
  while (engine.stats().queued > 0) await turn();
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Tally {
  readonly counts: Record<string, number> = {};

  add(name: string): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
  }
}

/** One hostile connection. */
interface Peer {
  connection?: Connection;
  /** Does the server owe an explanation, should it hang up? */
  explained: boolean;
  isClosed: boolean;
}

/** All hostile connections: each message goes to one of them, which is replaced when the server has had enough of it. */
class Horde {
  readonly outcomes = new Tally();
  readonly attacks = new Tally();
  connections = 0;
  unexplained = 0;
  readonly #network: NetworkInfo;
  readonly #next: () => Attack;
  readonly #rng: Rng;
  readonly #peers: (Peer | undefined)[] = [];
  /** Connections that wait for the answer to a run. */
  readonly #waiting = new Set<Peer>();
  #sent = 0;

  constructor(network: NetworkInfo, next: () => Attack, rng: Rng) {
    this.#network = network;
    this.#next = next;
    this.#rng = rng;
  }

  /** Goes on until `total` messages are sent in all. */
  async send(dial: Dial, total: number, onProgress: HostileOptions["onProgress"]): Promise<void> {
    this.leave();
    while (this.#sent < total) {
      const attack = this.#next();
      const { kind, messages } = attack;
      this.attacks.add(kind);
      const peer = await this.#peerFor(attack, dial);
      for (const message of messages) {
        peer.connection!.send(message);
        // The server may have had enough at the first already: what is not taken any more does not count.
        if (!peer.isClosed) this.#sent++;
        await Promise.resolve();
      }
      if (this.#sent % 16 === 0) await turn();
      if (this.#sent % 1000 === 0) onProgress?.(this.#sent);
    }
    while (this.#waiting.size > 0) await turn();
  }

  async #peerFor({ isAwaited = false, isUngreeted = false }: Attack, dial: Dial): Promise<Peer> {
    if (isAwaited) {
      while (this.#waiting.size >= PEERS) await turn();
      const peer = await this.#dial(dial, true);
      this.#waiting.add(peer);
      return peer;
    }
    const place = Math.floor(PEERS * this.#rng());
    const peer = this.#peers[place];
    if (peer && !peer.isClosed && !isUngreeted) return peer;
    peer?.connection?.close();
    const next = await this.#dial(dial, !isUngreeted);
    this.#peers[place] = next;
    return next;
  }

  leave(): void {
    for (const peer of this.#peers.splice(0)) peer?.connection?.close();
  }

  async #dial(dial: Dial, greets: boolean): Promise<Peer> {
    const peer: Peer = { explained: false, isClosed: false };
    let left = false;
    const handlers = {
      message: (bytes: Uint8Array): void => {
        const message = decodeMessage(bytes);
        this.outcomes.add(nameOf(message));
        // After a refusal for the whole connection, or of a packet, its end is no surprise.
        if (message.kind === "refuse" && (message.id === 0 || message.code === "bad-payload")) peer.explained = true;
        const isAnswer = message.kind === "result" || (message.kind === "refuse" && message.id !== 0);
        if (isAnswer && this.#waiting.delete(peer)) peer.connection?.close();
      },
      closed: (reason: string): void => {
        peer.isClosed = true;
        this.#waiting.delete(peer);
        if (left || peer.explained) return;
        if (/exceed/i.test(reason)) this.outcomes.add("cut off: too long");
        else if (reason === "the device refused") this.outcomes.add("closed: the peer itself refused");
        else {
          this.outcomes.add(`closed: ${reason}`);
          this.unexplained++;
        }
      },
    };
    const connection = await dial(handlers, { maxMessageBytes: LIMIT_BYTES });
    peer.connection = {
      peer: connection.peer,
      bufferedBytes: 0,
      send: (bytes) => connection.send(bytes),
      close: () => {
        left = true;
        connection.close();
      },
    };
    this.connections++;
    if (greets) connection.send(encodeMessage(helloOf(this.#network)));
    return peer;
  }
}

function nameOf(message: Message): string {
  if (message.kind !== "refuse") return `answered: ${message.kind}`;
  return `${message.id === 0 ? "connection refused" : "run refused"}: ${message.code}`;
}

interface Question {
  readonly packet: Uint8Array;
  readonly answer: ExitAnswer;
}

/** Inputs, and what the network itself says of them. */
async function makeQuestions(compute: Compute): Promise<Question[]> {
  const { modelHash, input, exits } = compute.network;
  const rng = createRng(3);
  const questions: Question[] = [];
  for (let i = 0; i < QUESTIONS; i++) {
    const values = Float32Array.from({ length: sizeOf(input.shape) }, () => 4 * rng() - 2);
    const tensors = [encodeTensor({ ...input, values }, { codec: "float32" })];
    const packet = encodePacket({ modelHash, cut: "input", tensors });
    const thresholds = exits.map(() => 0.8);
    const outcome = await compute.start({ start: { kind: "input", values }, cut: "none", thresholds });
    if (outcome.kind !== "answered") throw new Error("The network does not answer");
    questions.push({ packet, answer: outcome.answer });
  }
  return questions;
}

/** Asks one question after the other. */
class HonestClient {
  readonly #dial: Dial;
  readonly #network: NetworkInfo;
  readonly #questions: readonly Question[];
  #isStopped = false;
  #stopped: Promise<unknown> = Promise.resolve();

  constructor(dial: Dial, network: NetworkInfo, questions: readonly Question[]) {
    this.#dial = dial;
    this.#network = network;
    this.#questions = questions;
  }

  ask(): Promise<Honest> {
    const asking = this.#ask();
    this.#stopped = asking;
    return asking;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#stopped;
  }

  async #ask(): Promise<Honest> {
    const honest = { right: 0, wrong: 0, busy: 0, reconnects: -1 };
    let line = new Line();
    for (let id = 1; !this.#isStopped; id++) {
      if (line.isClosed) {
        line = await Line.open(this.#dial, this.#network);
        honest.reconnects++;
      }
      const { packet: bytes, answer } = this.#questions[id % this.#questions.length]!;
      const plan = { cut: "input", thresholds: [0.8], codec: "float32", bits: 32 } as const;
      line.say({ kind: "run", id, plan, wantsLogits: false, payload: { kind: "packet", bytes } });
      const reply = await line.reply(id);
      if (reply?.kind === "result") {
        const { exit, label, confidence } = reply;
        const isRight = exit === answer.exit && label === answer.label && confidence === answer.confidence;
        honest[isRight ? "right" : "wrong"]++;
      } else if (reply?.kind === "refuse" && reply.code === "busy") honest.busy++;
      else if (reply) honest.wrong++;
      await turn();
    }
    line.close();
    return honest;
  }
}

/** A connection with one question at a time. */
export class Line {
  isClosed = true;
  #connection: Connection | undefined;
  #reply: (message: Message | undefined) => void = () => {};

  static async open(dial: Dial, network: NetworkInfo): Promise<Line> {
    const line = new Line();
    const handlers = {
      message: (bytes: Uint8Array): void => line.#reply(decodeMessage(bytes)),
      closed: (): void => {
        line.isClosed = true;
        line.#reply(undefined);
      },
    };
    line.#connection = await dial(handlers, { maxMessageBytes: LIMIT_BYTES });
    line.isClosed = false;
    line.say(helloOf(network));
    return line;
  }

  say(message: Message): void {
    this.#connection?.send(encodeMessage(message));
  }

  /** @returns undefined when the connection ends instead */
  reply(id: number): Promise<Message | undefined> {
    return new Promise((resolve) => {
      if (this.isClosed) resolve(undefined);
      this.#reply = (message) => {
        const isOurs = !message || ("id" in message && message.id === id && message.kind !== "pong");
        if (isOurs) resolve(message);
      };
    });
  }

  close(): void {
    this.#connection?.close();
  }
}
