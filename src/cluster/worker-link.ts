// One worker, as a gateway sees it: a connection, the runs that are there, and how many more there may be.

import type { Clock } from "../engine/index.ts";
import { isSpinnError, messageOf } from "../errors.ts";
import type { Connection, ConnectionHandlers, Dial } from "../transport/index.ts";
import {
  decodeMessage,
  encodeMessage,
  type Hello,
  type Message,
  type Refuse,
  type Result,
  type Run,
} from "../wire/index.ts";

/** What a link tells of. */
export interface WorkerLinkEvents<J> {
  /** It takes runs. */
  ready(link: WorkerLink<J>): void;
  result(job: J, result: Result): void;
  refused(job: J, refuse: Refuse): void;
  /** It is gone, with the runs that were there. */
  lost(link: WorkerLink<J>, jobs: readonly J[], reason: string): void;
}

/** A worker with runs that says nothing for so long is given up: it is dead or frozen. */
const SILENT_MS = 1500;
/** It is asked this often whether it is there. */
const PING_MS = 250;
/** After a refusal for want of room, none is sent for so long. */
const FULL_MS = 20;

/** @typeParam J what is kept with a run */
export class WorkerLink<J> implements ConnectionHandlers {
  readonly #clock: Clock;
  readonly #events: WorkerLinkEvents<J>;
  readonly #jobs = new Map<number, J>();
  readonly #controller = new AbortController();
  #connection: Connection | undefined;
  /** Set by its hello. */
  #capacity = 0;
  #lastId = 0;
  #heardAtMs: number;
  #pingedAtMs = 0;
  #fullUntilMs = 0;
  /** It takes no more, and will be gone when its runs are answered. */
  #isLeaving = false;
  #isClosed = false;

  /** Dials at once; `lost` when nobody answers. @param hello as a device says it */
  constructor(dial: Dial, hello: Hello, clock: Clock, events: WorkerLinkEvents<J>) {
    this.#clock = clock;
    this.#events = events;
    this.#heardAtMs = clock.now();
    const { maxMessageBytes } = hello.limits;
    dial(this, { maxMessageBytes, signal: this.#controller.signal }).then(
      (connection) => {
        if (this.#isClosed) return connection.close();
        this.#connection = connection;
        connection.send(encodeMessage(hello));
      },
      (error: unknown) => this.closed(messageOf(error)),
    );
  }

  get capacity(): number {
    return this.#isLeaving ? 0 : this.#capacity;
  }

  get inFlight(): number {
    return this.#jobs.size;
  }

  /** Runs that it would take now. */
  get room(): number {
    return this.#clock.now() < this.#fullUntilMs ? 0 : Math.max(0, this.capacity - this.#jobs.size);
  }

  /** @returns the run's id here, to cancel it by */
  send(job: J, makeRun: (id: number) => Run): number {
    this.#lastId = (this.#lastId % 0xffff_ffff) + 1;
    const id = this.#lastId;
    if (this.#jobs.size === 0) this.#heardAtMs = this.#clock.now();
    this.#jobs.set(id, job);
    this.#connection?.send(encodeMessage(makeRun(id)));
    return id;
  }

  cancel(id: number): void {
    if (this.#jobs.delete(id)) this.#connection?.send(encodeMessage({ kind: "cancel", id }));
  }

  /** Looks at the clock: is it still there? */
  check(): void {
    const nowMs = this.#clock.now();
    if (this.#jobs.size > 0 && nowMs - this.#heardAtMs > SILENT_MS) this.#leave("silent for too long");
    else if (nowMs - this.#pingedAtMs >= PING_MS) {
      this.#pingedAtMs = nowMs;
      this.#connection?.send(encodeMessage({ kind: "ping", id: 0, payload: new Uint8Array() }));
    }
  }

  close(): void {
    this.#leave("closed");
  }

  message(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#heardAtMs = this.#clock.now();
    try {
      this.#take(decodeMessage(bytes));
    } catch (error) {
      if (!isSpinnError(error, "InvalidFrame")) throw error;
      this.#leave(messageOf(error));
    }
  }

  closed(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#controller.abort();
    const jobs = [...this.#jobs.values()];
    this.#jobs.clear();
    this.#events.lost(this, jobs, reason);
  }

  #take(message: Message): void {
    if (message.kind === "hello" && message.role === "server" && this.#capacity === 0) {
      this.#capacity = message.limits.maxInFlight;
      this.#events.ready(this);
    } else if (message.kind === "result") {
      const job = this.#done(message.id);
      if (job !== undefined) this.#events.result(job, message);
    } else if (message.kind === "refuse" && message.id !== 0) {
      if (message.code === "shutting-down") this.#isLeaving = true;
      if (message.code === "busy") this.#fullUntilMs = this.#clock.now() + FULL_MS;
      const job = this.#done(message.id);
      if (job !== undefined) this.#events.refused(job, message);
    } else if (message.kind === "refuse") this.#leave(message.reason);
    else if (message.kind !== "pong" && message.kind !== "stats") this.#leave(`a worker must not send ${message.kind}`);
  }

  #done(id: number): J | undefined {
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    return job;
  }

  #leave(reason: string): void {
    this.#connection?.close(reason);
    this.closed(reason);
  }
}
