// What the console shows: counts every event of the cloud engine, and makes a picture of it twice a second.

import type { CloudEvent, GreetedEvent, RunEvent } from "../../engine/cloud-events.ts";
import { indexOfCut } from "../../engine/cut-index.ts";
import { type Clock, type CloudStats, systemClock } from "../../engine/index.ts";
import type { RefuseCode } from "../../wire/index.ts";
import { listingOf, type ServedNetwork } from "../served-network.ts";
import type { ClientRow, ConsoleEvent, ConsolePoint, ConsoleSnapshot, NetworkRow } from "./console-snapshot.ts";
import { Interval } from "./interval.ts";
import { countRun, emptyTally, moveOn, ranked, type Tally } from "./tally.ts";

export interface WatchOptions {
  /** Those that are served now. */
  readonly networks: () => readonly ServedNetwork[];
  readonly stats: () => CloudStats;
  readonly isDraining: () => boolean;
  /** Program and version. */
  readonly agent: string;
  readonly clock?: Clock;
  /** Milliseconds since 1970. @default Date.now */
  readonly wallClock?: () => number;
}

export const SNAPSHOT_INTERVAL_MS = 500;
/** Two minutes. */
const HISTORY = 240;
/** Rows of a table. */
const MAX_CLIENTS = 50;
const MAX_CUTS = 12;
const MAX_EVENTS = 30;
/** Of what a stranger says of itself. */
const MAX_TEXT = 80;

interface Client extends Tally {
  readonly connection: string;
  readonly peer: string;
  readonly client?: string;
  readonly sinceMs: number;
  agent: string;
  /** Hash; undefined before hello. */
  network?: string;
  cut?: string;
}

interface NetworkTally extends Tally {
  readonly byCut: Map<string, number>;
}

export class Watch {
  readonly #options: WatchOptions;
  readonly #clock: Clock;
  readonly #wallClock: () => number;
  readonly #startedAtMs: number;
  readonly #clients = new Map<string, Client>();
  readonly #networks = new Map<string, NetworkTally>();
  readonly #refusals = new Map<string, number>();
  readonly #refusedLately = new Map<RefuseCode, number>();
  /** Since something else happened. */
  readonly #refusedInARow = new Map<RefuseCode, number>();
  /** By images; a batch of four is a quarter for each of its images. */
  readonly #batches = new Map<number, number>();
  readonly #events: ConsoleEvent[] = [];
  readonly #history: ConsolePoint[] = [];
  readonly #totals: Tally = emptyTally();
  #cancelled = 0;
  #lastEventId = 0;
  #isClosed = false;
  #interval = new Interval();
  #intervalStartMs: number;
  #stopClock: () => void = () => undefined;
  #waiting: (() => void)[] = [];

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#wallClock = options.wallClock ?? Date.now;
    this.#startedAtMs = this.#wallClock();
    this.#intervalStartMs = this.#clock.now();
    this.#history.push(this.#point(SNAPSHOT_INTERVAL_MS / 1000));
    this.#tickLater();
  }

  /** Hears of all that happens at the engine. */
  onEvent(event: CloudEvent): void {
    if (event.kind === "run") this.#run(event);
    else if (event.kind === "connected") {
      const { connection, peer, client } = event;
      this.#clients.set(connection, this.#newClient({ connection, peer, ...(client !== undefined && { client }) }));
    } else if (event.kind === "greeted") this.#greeted(event);
    else if (event.kind === "left") {
      const gone = this.#clients.get(event.connection);
      this.#clients.delete(event.connection);
      if (gone?.network !== undefined) this.#note("left", `${gone.client ?? gone.peer}: ${event.reason}`);
    } else if (event.kind === "refused") {
      const { connection, code, reason } = event;
      this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
      this.#note("turned-away", `${this.#clients.get(connection)?.peer ?? connection}: ${reason}`);
    } else if (event.kind === "turned-away") {
      const code = `HTTP ${event.status}`;
      this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
      this.#note("turned-away", `${event.peer}: ${event.reason}`);
    } else {
      const verb = event.kind === "network-added" ? "is served" : "is no longer served";
      this.#note("network", `${this.#nameOf(event.network)} (${event.network.slice(0, 8)}) ${verb}`);
    }
  }

  snapshot(): ConsoleSnapshot {
    const { agent, isDraining } = this.#options;
    const { answered, refused, receivedBytes, sentBytes } = this.#totals;
    const now = this.#history.at(-1)!;
    return {
      atMs: now.atMs,
      startedAtMs: this.#startedAtMs,
      agent,
      isDraining: isDraining(),
      now,
      totals: {
        answered,
        refused,
        cancelled: this.#cancelled,
        receivedBytes,
        sentBytes,
        refusals: ranked(this.#refusals).map(([code, count]) => ({ code, count })),
        batches: [...this.#batches]
          .map(([images, count]) => ({ images, count: Math.round(count) }))
          .sort((a, b) => a.images - b.images),
      },
      networks: this.#options.networks().map((network) => this.#networkRow(network)),
      clients: this.#clientRows(),
      events: this.#events.toReversed(),
    };
  }

  /** The last two minutes, the oldest first; never empty. */
  history(): readonly ConsolePoint[] {
    return [...this.#history];
  }

  /** Resolves when there is a new snapshot, or the watch has been closed. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  close(): void {
    this.#isClosed = true;
    this.#stopClock();
    this.#wake();
  }

  #run(event: RunEvent): void {
    const { connection, network, cut, end } = event;
    const client = this.#clients.get(connection) ?? this.#newClient({ connection, peer: connection });
    this.#clients.set(connection, client);
    const tally = this.#tallyOf(network);
    client.network = network;
    // refused ones may name a cut that there is not
    const served = this.#find(network);
    if (served && indexOfCut(served.compute.network, cut) >= 0) {
      client.cut = cut;
      tally.byCut.set(cut, (tally.byCut.get(cut) ?? 0) + 1);
    }
    for (const one of [client, tally, this.#totals]) countRun(one, event);
    this.#interval.add(event);
    if (end.kind === "cancelled") this.#cancelled++;
    if (end.kind === "refused") {
      this.#refusals.set(end.code, (this.#refusals.get(end.code) ?? 0) + 1);
      this.#refusedLately.set(end.code, (this.#refusedLately.get(end.code) ?? 0) + 1);
    }
    if (end.kind === "answered")
      for (const { batch = 1 } of end.times.slices)
        this.#batches.set(batch, (this.#batches.get(batch) ?? 0) + 1 / batch);
  }

  #greeted({ connection, network, agent }: GreetedEvent): void {
    const client = this.#clients.get(connection);
    if (!client) return;
    client.network = network;
    client.agent = agent.slice(0, MAX_TEXT);
    this.#note("connected", `${client.client ?? client.peer}: ${client.agent}, for ${this.#nameOf(network)}`);
  }

  #newClient(who: Pick<Client, "connection" | "peer" | "client">): Client {
    return { ...who, sinceMs: this.#wallClock(), agent: "", ...emptyTally() };
  }

  #find(network: string): ServedNetwork | undefined {
    return this.#options.networks().find(({ hash }) => hash === network);
  }

  #nameOf(network: string): string {
    return this.#find(network)?.name ?? "a network";
  }

  #tallyOf(network: string): NetworkTally {
    const tally = this.#networks.get(network) ?? { ...emptyTally(), byCut: new Map() };
    this.#networks.set(network, tally);
    return tally;
  }

  #note(kind: ConsoleEvent["kind"], text: string): void {
    this.#events.push({ id: ++this.#lastEventId, atMs: this.#wallClock(), kind, text: text.slice(0, 2 * MAX_TEXT) });
    if (this.#events.length > MAX_EVENTS) this.#events.shift();
  }

  /** While nothing else happens, one event counts on: a server that is full must not push everything else out of sight. */
  #noteRefusals(): void {
    if (this.#events.at(-1)?.kind === "refused") this.#events.pop();
    else this.#refusedInARow.clear();
    for (const [code, count] of this.#refusedLately)
      this.#refusedInARow.set(code, (this.#refusedInARow.get(code) ?? 0) + count);
    this.#refusedLately.clear();
    const counts = ranked(this.#refusedInARow).map(([code, count]) => `${count} ${code}`);
    this.#note("refused", `runs: ${counts.join(", ")}`);
  }

  #tickLater(): void {
    this.#stopClock = this.#clock.setTimer(() => {
      this.#tick();
      this.#tickLater();
    }, SNAPSHOT_INTERVAL_MS);
  }

  #tick(): void {
    const nowMs = this.#clock.now();
    // a thread that was kept busy is late
    const seconds = Math.max(nowMs - this.#intervalStartMs, 1) / 1000;
    this.#intervalStartMs = nowMs;
    for (const one of [...this.#clients.values(), ...this.#networks.values()]) moveOn(one, seconds);
    if (this.#refusedLately.size > 0) this.#noteRefusals();
    this.#history.push(this.#point(seconds));
    if (this.#history.length > HISTORY) this.#history.shift();
    this.#interval = new Interval();
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #point(seconds: number): ConsolePoint {
    const { clients, queued, loadFactor } = this.#options.stats();
    return { atMs: this.#wallClock(), clients, queued, loadFactor, ...this.#interval.measured(seconds) };
  }

  #networkRow(served: ServedNetwork): NetworkRow {
    const listing = listingOf(served);
    const { answered, refused, answeredPerSecond, byExit, byCut } = this.#tallyOf(served.hash);
    let clients = 0;
    for (const { network } of this.#clients.values()) clients += network === served.hash ? 1 : 0;
    return {
      ...listing,
      clients,
      answered,
      refused,
      answeredPerSecond,
      byExit: listing.exits.map((_, exit) => byExit[exit] ?? 0),
      byCut: ranked(byCut)
        .slice(0, MAX_CUTS)
        .map(([cut, count]) => ({ cut, count })),
    };
  }

  #clientRows(): ClientRow[] {
    const greeted = [...this.#clients.values()].filter(({ network }) => network !== undefined);
    greeted.sort((a, b) => b.answeredPerSecond - a.answeredPerSecond || a.sinceMs - b.sinceMs);
    return greeted.slice(0, MAX_CLIENTS).map(({ network, sinceThen: _, ...row }) => {
      return { ...row, model: this.#nameOf(network!) };
    });
  }
}
