// The server's half of a network: takes what devices send, computes on from any cut with the same exit rule, and answers. Knows
// no sockets, threads or files: those are behind `Accept` and `Compute`.

import { hexOf } from "../hex.ts";
import type { Accept, Connection, ConnectionHandlers } from "../transport/transport.ts";
import type { Hello, RefuseCode } from "../wire/message.ts";
import { encodeMessage } from "../wire/message-codec.ts";
import { CloudConnection, type CloudHost } from "./cloud-connection.ts";
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
   * Takes no more runs, answers those that it has, and sends everybody away.
   *
   * @param graceMs after so long, runs without an answer are refused. @default 5000
   */
  close(graceMs?: number): Promise<void>;
}

/**
 * @throws {RangeError} as `cloudSettings`
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
    close: (graceMs = 5000) => host.close(graceMs),
  };
}

class Host implements CloudHost {
  readonly settings: CloudSettings;
  readonly #networks: ReadonlyMap<string, Compute>;
  readonly #connections = new Set<CloudConnection>();
  readonly #load = new LoadMeter();
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
  #closing: Promise<void> | undefined;
  #drained = (): void => {};

  constructor(settings: CloudSettings) {
    this.settings = settings;
    this.#networks = new Map(settings.networks.map((compute) => [hexOf(compute.network.modelHash), compute]));
    if (this.#networks.size < settings.networks.length) throw new RangeError("A network is served twice");
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
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
    if (this.isClosing) device.leaveWhenDone();
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

  hello(modelHash: Uint8Array): Hello {
    const { maxMessageBytes, maxInFlight, agent, networks } = this.settings;
    const limits = { maxMessageBytes, maxTensorBytes: maxTensorBytes(networks), maxInFlight };
    return { kind: "hello", role: "server", modelHash, limits, agent };
  }

  async compute(compute: Compute, task: Task, signal: AbortSignal): Promise<Answered> {
    this.#queued++;
    try {
      const outcome = await compute.start(task, signal);
      if (outcome.kind !== "answered") throw new Error("A task without a cut has paused");
      this.#load.observe(hexOf(compute.network.modelHash), outcome.times, this.settings.clock.now());
      for (const { batch = 1 } of outcome.times.slices) {
        this.#slices++;
        this.#batches += 1 / batch;
      }
      return outcome;
    } finally {
      this.#queued--;
    }
  }

  answered(): void {
    this.#answered++;
  }

  refused(id: number, code: RefuseCode): void {
    if (id === 0) this.#turnedAway[code] = (this.#turnedAway[code] ?? 0) + 1;
    else this.#refused++;
  }

  cancelled(): void {
    this.#cancelled++;
  }

  left(connection: CloudConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    this.#stopTicking?.();
    this.#stopTicking = undefined;
    this.#drained();
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
    this.#closing ??= new Promise((resolve) => {
      const { clock } = this.settings;
      const disarm = clock.setTimer(() => {
        for (const connection of this.#connections) connection.leave("shutting-down", "The server is shutting down");
      }, graceMs);
      this.#drained = () => {
        disarm();
        resolve();
      };
    });
    for (const connection of this.#connections) connection.leaveWhenDone();
    if (this.#connections.size === 0) this.#drained();
    return this.#closing;
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
