// The server's half of a network: takes what devices send, computes on from any cut with the same exit rule, and answers. Knows
// no sockets, threads or files: those are behind `Accept` and `Compute`.

import { hexOf } from "../hex.ts";
import type { Accept, Connection, ConnectionHandlers } from "../transport/transport.ts";
import type { Hello, RefuseCode } from "../wire/message.ts";
import { encodeMessage } from "../wire/message-codec.ts";
import { CloudConnection, type CloudHost } from "./cloud-connection.ts";
import type { CloudEvent } from "./cloud-events.ts";
import { LoadMeter } from "./cloud-load.ts";
import { type CloudEngineOptions, type CloudSettings, cloudSettings, maxTensorBytes } from "./cloud-options.ts";
import type { Answered, Compute, Task } from "./compute.ts";

/** Runs and connections since the start, if not said otherwise. */
export interface CloudStats {
  /** What a run takes now, waiting included, over what it takes at best; 1 when idle. */
  readonly loadFactor: number;
  /** Devices that are connected now and have said hello. */
  readonly clients: number;
  /** Runs that wait or compute now. */
  readonly queued: number;
  readonly answered: number;
  readonly refused: number;
  /** Images that have gone through a slice together, on average. */
  readonly meanBatch: number;
  /** By the device, or because it left. */
  readonly cancelled: number;
  /** Refused connections by code: `protocol` for those that said what the protocol does not allow. */
  readonly turnedAway: Readonly<Partial<Record<RefuseCode, number>>>;
}

export interface CloudEngine {
  /** For a transport. */
  readonly accept: Accept;
  /** What a transport should not let pass, in bytes. */
  readonly maxMessageBytes: number;
  stats(): CloudStats;
  /**
   * Serves one network more from now on.
   *
   * @throws {RangeError} when it is served already
   */
  add(compute: Compute): void;
  /**
   * Serves a network no longer: no new device is let in for it, those that are there get the answers that they wait for and leave.
   *
   * @param network 32 hexadecimal digits
   * @param graceMs after so long, runs without an answer are refused. @default 5000
   * @returns what was given to `add`, when nobody needs it any more; undefined when it was not served
   */
  retire(network: string, graceMs?: number): Promise<Compute | undefined>;
  /**
   * Takes no more runs, answers those that it has, and sends everybody away.
   *
   * @param graceMs after so long, runs without an answer are refused. @default 5000
   */
  close(graceMs?: number): Promise<void>;
}

/**
 * @throws {RangeError} when two networks are the same, or an amount is none
 * @example
 * const engine = createCloudEngine({ networks: [await openCompute({ model })] });
 * const listener = await listenWebSocket({ port: 8484, ...engine });
 */
export function createCloudEngine(options: CloudEngineOptions): CloudEngine {
  const host = new Host(cloudSettings(options));
  return {
    accept: (connection) => host.accept(connection),
    maxMessageBytes: host.settings.maxMessageBytes,
    stats: () => host.stats(),
    add: (compute) => host.add(compute),
    retire: (network, graceMs = 5000) => host.retire(network, graceMs),
    close: (graceMs = 5000) => host.close(graceMs),
  };
}

const CLOSING = "The server is shutting down";

/** Somebody waits until certain connections have left. */
interface Parting {
  left(connection: CloudConnection): void;
}

class Host implements CloudHost {
  readonly settings: CloudSettings;
  readonly #networks = new Map<string, Compute>();
  readonly #connections = new Set<CloudConnection>();
  readonly #load = new LoadMeter();
  readonly #partings = new Set<Parting>();
  readonly #turnedAway: Partial<Record<RefuseCode, number>> = {};
  #queued = 0;
  #connected = 0;
  /** Slices that answered runs have gone through, and what they took of batches: a batch of four is a quarter for each. */
  #slices = 0;
  #batches = 0;
  #answered = 0;
  #refused = 0;
  #cancelled = 0;
  /** Stops the clock; there when it runs. */
  #stopTicking: (() => void) | undefined;
  #toldAtMs = 0;
  #isClosing = false;
  #closed: Promise<void> | undefined;

  constructor(settings: CloudSettings) {
    this.settings = settings;
    for (const compute of settings.networks) this.add(compute);
  }

  add(compute: Compute): void {
    const network = hexOf(compute.network.modelHash);
    if (this.#networks.has(network)) throw new RangeError("A network is served twice");
    this.#networks.set(network, compute);
    this.tell({ kind: "network-added", network });
  }

  async retire(network: string, graceMs: number): Promise<Compute | undefined> {
    const compute = this.#networks.get(network);
    if (!compute) return undefined;
    this.#networks.delete(network);
    const users = [...this.#connections].filter((connection) => connection.network === network);
    await this.#part(users, "The network is no longer served", graceMs);
    this.tell({ kind: "network-retired", network });
    return compute;
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  get isFull(): boolean {
    return this.#queued >= this.settings.maxQueued;
  }

  get loadFactor(): number {
    return this.#load.at(this.settings.clock.now());
  }

  accept(connection: Connection): ConnectionHandlers {
    const device = new CloudConnection(connection, this);
    this.#connections.add(device);
    const { problem } = connection;
    if (problem !== undefined) device.leave("unauthorized", problem);
    else if (this.isClosing) device.leaveWhenDone(CLOSING);
    else this.#keepTicking();
    return device;
  }

  get hashes(): readonly string[] {
    return [...this.#networks.keys()];
  }

  find(modelHash: Uint8Array): Compute | undefined {
    return this.#networks.get(hexOf(modelHash));
  }

  name(): string {
    return `connection ${++this.#connected}`;
  }

  hello(compute: Compute): Hello {
    const { maxMessageBytes, maxInFlight, agent } = this.settings;
    const limits = { maxMessageBytes, maxTensorBytes: maxTensorBytes(compute), maxInFlight };
    return { kind: "hello", role: "server", modelHash: compute.network.modelHash, limits, agent };
  }

  async compute(compute: Compute, task: Task, signal: AbortSignal): Promise<Answered> {
    this.#queued++;
    try {
      const outcome = await compute.start(task, signal);
      if (outcome.kind !== "answered") throw new Error("A task without a cut has paused");
      this.#load.observe(compute.network, outcome.times, this.settings.clock.now());
      for (const { batch = 1 } of outcome.times.slices) {
        this.#slices++;
        this.#batches += 1 / batch;
      }
      return outcome;
    } finally {
      this.#queued--;
    }
  }

  tell(event: CloudEvent): void {
    if (event.kind === "refused") this.#turnedAway[event.code] = (this.#turnedAway[event.code] ?? 0) + 1;
    else if (event.kind === "run") {
      if (event.end.kind === "answered") this.#answered++;
      else if (event.end.kind === "refused") this.#refused++;
      else this.#cancelled++;
    }
    this.settings.onEvent(event);
  }

  left(connection: CloudConnection): void {
    this.#connections.delete(connection);
    for (const parting of this.#partings) parting.left(connection);
    if (this.#connections.size > 0) return;
    this.#stopTicking?.();
    this.#stopTicking = undefined;
  }

  stats(): CloudStats {
    let clients = 0;
    for (const { isGreeted } of this.#connections) clients += isGreeted ? 1 : 0;
    return {
      loadFactor: this.loadFactor,
      clients,
      queued: this.#queued,
      answered: this.#answered,
      refused: this.#refused,
      meanBatch: this.#batches > 0 ? this.#slices / this.#batches : 1,
      cancelled: this.#cancelled,
      turnedAway: { ...this.#turnedAway },
    };
  }

  close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    this.#closed ??= this.#part([...this.#connections], CLOSING, graceMs);
    return this.#closed;
  }

  /** Resolves when all of them have left: at the latest after `graceMs`. */
  async #part(connections: readonly CloudConnection[], reason: string, graceMs: number): Promise<void> {
    const leaving = new Set(connections);
    if (leaving.size === 0) return;
    await new Promise<void>((resolve) => {
      const disarm = this.settings.clock.setTimer(() => {
        for (const connection of leaving) connection.leave("shutting-down", reason);
      }, graceMs);
      const parting: Parting = {
        left: (connection) => {
          if (!leaving.delete(connection) || leaving.size > 0) return;
          this.#partings.delete(parting);
          disarm();
          resolve();
        },
      };
      this.#partings.add(parting);
      for (const connection of connections) connection.leaveWhenDone(reason);
    });
  }

  /** As long as somebody is connected, the clock is looked at. */
  #keepTicking(): void {
    const { clock, helloTimeoutMs, idleTimeoutMs, statsIntervalMs } = this.settings;
    const intervalMs = Math.min(1000, helloTimeoutMs, idleTimeoutMs, statsIntervalMs);
    this.#stopTicking ??= clock.setTimer(() => {
      this.#stopTicking = undefined;
      this.#tick(clock.now());
      if (this.#connections.size > 0) this.#keepTicking();
    }, intervalMs);
  }

  #tick(nowMs: number): void {
    for (const connection of this.#connections) connection.check(nowMs);
    if (nowMs - this.#toldAtMs < this.settings.statsIntervalMs) return;
    this.#toldAtMs = nowMs;
    const { loadFactor, clients, queued, answered, refused } = this.stats();
    const stats = encodeMessage({ kind: "stats", loadFactor, clients, queued, answered, refused });
    for (const connection of this.#connections) if (connection.isGreeted) connection.send(stats);
  }
}
