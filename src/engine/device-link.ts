// The device's connection to its server: dialled, greeted, watched and, when it is lost, dialled again, for as long as the engine
// lives. What the messages of runs mean is not decided here.

import { messageOf } from "../errors.ts";
import type { Rng } from "../random.ts";
import type { Connection, Dial } from "../transport/transport.ts";
import type { Hello, Message, PeerLimits, Refuse, RefuseCode, Result, Stats } from "../wire/message.ts";
import { decodeMessage, encodeMessage, MAX_HELLO_BYTES } from "../wire/message-codec.ts";
import type { Clock } from "./clock.ts";
import { type Backoff, backoffMs, refusedBackoffMs } from "./device-backoff.ts";
import {
  type LinkEstimate,
  rttMsOf,
  slowestRttMs,
  type Transfer,
  unknownLink,
  uploadMs,
  withRoundTrip,
  withTransfer,
} from "./device-link-estimate.ts";

export interface LinkTimings {
  /** Dialling and the server's hello must be done in this time. @default 5000 */
  readonly connectTimeoutMs: number;
  /** A ping is sent after so long without a message. @default 5000 */
  readonly pingIntervalMs: number;
  /**
   * A server that owes something and says nothing for so long, pings included, is taken for dead; longer on links with a long
   * round trip, and for what is still on its way up. @default 1500
   */
  readonly stallTimeoutMs: number;
  readonly backoff: Backoff;
}

export interface DeviceLinkOptions {
  readonly dial: Dial;
  readonly modelHash: Uint8Array;
  readonly limits: PeerLimits;
  /** Program and version, as in hello. */
  readonly agent: string;
  readonly timings: LinkTimings;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly wakeUps?: WakeUps;
}

/**
 * Calls the listener when what was known of the network may be out of date: it is back, or the device has slept.
 *
 * @returns ends that
 */
export type WakeUps = (listener: () => void) => () => void;

export interface DeviceLinkHandlers {
  up(server: Hello): void;
  /** Once after each `up`, and after each attempt that led to nothing. */
  down(reason: string, refusal?: RefuseCode): void;
  message(message: Result | Refuse | Stats): void;
  awaited(): Awaited;
}

/** Runs without an answer. */
export interface Awaited {
  /** Of their messages. */
  readonly bytes: number;
  /** When the oldest was sent; undefined when there are none. */
  readonly sinceMs: number | undefined;
}

/** A link that stays up so long, or has given a good answer, is no failure when it breaks. */
const PROVEN_MS = 10_000;
/** A run that is this late raises the question whether anybody is there. */
const LEAST_QUIET_MS = 100;
/** Round trips that are measured one after the other on a new link. */
const FIRST_ROUND_TRIPS = 3;
/** Then, while nothing is under way, so often at most. */
const ROUND_TRIP_MS = 1000;
/**
 * Sent once on a new link, so that its bandwidth is known before the first run: 4 ms at 24 Mbit/s. Within the ten packets that TCP
 * sends before it hears from the other side.
 */
const PROBE_BYTES = 12_288;

/** One attempt and, if it succeeds, the connection that comes of it. What happens to an attempt that was given up is ignored. */
interface Attempt {
  readonly controller: AbortController;
  connection?: Connection;
  server?: Hello;
  upAtMs: number;
  heardAtMs: number;
  /** When the round trip was measured last. */
  measuredAtMs: number;
  /** The ping without an answer yet. */
  ping?: Ping;
}

interface Ping {
  readonly id: number;
  /** Of its payload. */
  readonly bytes: number;
  readonly sentAtMs: number;
  /** Nothing else was under way, so that it measures the link. */
  readonly isIdle: boolean;
}

export class DeviceLink {
  readonly #options: DeviceLinkOptions;
  readonly #handlers: DeviceLinkHandlers;
  #attempt: Attempt | undefined;
  #estimate = unknownLink;
  #failures = 0;
  #pings = 0;
  #isClosed = false;
  /** Of the watch or the next attempt. */
  #timer: () => void = () => {};
  #watchAtMs = 0;
  readonly #endWakeUps: (() => void) | undefined;

  constructor(options: DeviceLinkOptions, handlers: DeviceLinkHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#endWakeUps = options.wakeUps?.(() => this.#wake());
    this.#dial();
  }

  /** What the server takes; undefined when there is none. */
  get server(): Hello | undefined {
    return this.#attempt?.server;
  }

  get estimate(): LinkEstimate {
    return this.#estimate;
  }

  /** Bytes that wait on the device. */
  get bufferedBytes(): number {
    return this.#attempt?.connection?.bufferedBytes ?? 0;
  }

  /** Sends a message that was encoded before. Without a server nothing happens. */
  send(bytes: Uint8Array): void {
    if (!this.server) return;
    this.#attempt!.connection!.send(bytes);
    const quietAtMs = this.#options.clock.now() + this.#quietMs();
    if (quietAtMs < this.#watchAtMs) this.#watchAt(quietAtMs);
  }

  /** A run was answered well: learns from it. */
  answered(transfer: Transfer): void {
    this.#failures = 0;
    this.#estimate = withTransfer(this.#estimate, transfer);
    const attempt = this.#attempt;
    if (!attempt || attempt.ping || !this.#isIdle) return;
    if (transfer.answeredAtMs - attempt.measuredAtMs >= ROUND_TRIP_MS) this.#ping(attempt, 0);
  }

  /** Gives this connection up and dials again. */
  fail(reason: string, refusal?: RefuseCode): void {
    const attempt = this.#attempt;
    if (!attempt) return;
    const { clock, timings, rng } = this.#options;
    this.#attempt = undefined;
    this.#timer();
    const isProven = attempt.server !== undefined && clock.now() - attempt.upAtMs > PROVEN_MS;
    if (isProven) this.#failures = 0;
    attempt.controller.abort();
    attempt.connection?.close(reason);
    if (!this.#isClosed) {
      const waitMs = refusal
        ? refusedBackoffMs(refusal, this.#failures, timings.backoff, rng)
        : backoffMs(this.#failures, timings.backoff, rng);
      this.#timer = clock.setTimer(() => this.#dial(), waitMs);
      this.#failures++;
    }
    this.#handlers.down(reason, refusal);
  }

  close(): void {
    this.#isClosed = true;
    this.#endWakeUps?.();
    this.#timer();
    this.fail("closed");
  }

  /** Neither waits for the next attempt nor believes that a connection which has been silent is still one. */
  #wake(): void {
    const attempt = this.#attempt;
    if (!attempt) {
      this.#timer();
      this.#failures = 0;
      this.#dial();
    } else if (attempt.server && !attempt.ping) this.#ping(attempt, 0);
  }

  #dial(): void {
    const { dial, clock, limits, modelHash, agent, timings } = this.#options;
    const attempt: Attempt = { controller: new AbortController(), upAtMs: 0, heardAtMs: 0, measuredAtMs: 0 };
    this.#attempt = attempt;
    const isCurrent = (): boolean => this.#attempt === attempt;
    const failed = (reason: string): void => {
      if (isCurrent()) this.fail(reason);
    };
    this.#timer = clock.setTimer(
      () => failed(`no connection within ${timings.connectTimeoutMs} ms`),
      timings.connectTimeoutMs,
    );
    const handlers = {
      message: (bytes: Uint8Array): void => {
        if (isCurrent()) this.#receive(attempt, bytes);
      },
      closed: failed,
    };
    const { maxMessageBytes } = limits;
    dial(handlers, { maxMessageBytes, signal: attempt.controller.signal }).then(
      (connection) => {
        if (!isCurrent()) {
          connection.close("given up");
          return;
        }
        attempt.connection = connection;
        connection.send(encodeMessage({ kind: "hello", role: "device", modelHash, limits, agent }));
      },
      (error: unknown) => failed(messageOf(error)),
    );
  }

  #receive(attempt: Attempt, bytes: Uint8Array): void {
    attempt.heardAtMs = this.#options.clock.now();
    let message: Message;
    try {
      const { maxMessageBytes } = this.#options.limits;
      message = decodeMessage(bytes, { maxMessageBytes: attempt.server ? maxMessageBytes : MAX_HELLO_BYTES });
    } catch (error) {
      this.fail(messageOf(error));
      return;
    }
    if (message.kind === "refuse" && message.id === 0) {
      this.fail(`refused as ${message.code}: ${message.reason}`, message.code);
      return;
    }
    if (!attempt.server) this.#greet(attempt, message);
    else if (message.kind === "ping") this.send(encodeMessage({ kind: "pong", id: message.id }));
    else if (message.kind === "pong") this.#pong(attempt, message.id);
    else if (message.kind === "result" || message.kind === "refuse" || message.kind === "stats")
      this.#handlers.message(message);
    else this.fail(`a server must not send ${message.kind}`);
  }

  /** The first message of the server. */
  #greet(attempt: Attempt, message: Message): void {
    if (!attempt.connection || message.kind !== "hello" || message.role !== "server") {
      this.fail(`a ${message.kind} came instead of the server's hello`);
      return;
    }
    if (message.modelHash.some((byte, i) => byte !== this.#options.modelHash[i])) {
      this.fail("the server's hello names another network");
      return;
    }
    attempt.server = message;
    attempt.upAtMs = attempt.heardAtMs;
    this.#ping(attempt, 0);
    this.#handlers.up(message);
  }

  #ping(attempt: Attempt, bytes: number): void {
    this.#pings = (this.#pings + 1) >>> 0;
    attempt.ping = { id: this.#pings, bytes, sentAtMs: this.#options.clock.now(), isIdle: this.#isIdle };
    attempt.connection?.send(encodeMessage({ kind: "ping", id: this.#pings, payload: new Uint8Array(bytes) }));
    this.#watchAt(attempt.ping.sentAtMs + this.#stallMs() + 2 * uploadMs(this.#estimate, bytes));
  }

  #pong(attempt: Attempt, id: number): void {
    const { ping } = attempt;
    if (ping?.id !== id) {
      this.fail("a pong came that nobody had asked for");
      return;
    }
    delete attempt.ping;
    this.#measured(attempt, ping);
    const { roundTripsMs, transfers } = this.#estimate;
    if (this.#isIdle && roundTripsMs.length < FIRST_ROUND_TRIPS) this.#ping(attempt, 0);
    else if (this.#isIdle && transfers.length === 0) this.#ping(attempt, PROBE_BYTES);
    else this.#watch();
  }

  #measured(attempt: Attempt, { bytes, sentAtMs, isIdle }: Ping): void {
    if (!isIdle) return;
    const answeredAtMs = attempt.heardAtMs;
    const probe = { bytes, sentAtMs, answeredAtMs, serverMs: 0, previousLeftAtMs: 0 };
    if (bytes > 0) this.#estimate = withTransfer(this.#estimate, probe);
    else this.#estimate = withRoundTrip(this.#estimate, answeredAtMs - sentAtMs);
    attempt.measuredAtMs = answeredAtMs;
  }

  get #isIdle(): boolean {
    return this.#handlers.awaited().sinceMs === undefined;
  }

  /** Asks after a server that has been silent for long, and gives up one that does not answer that. */
  #watch(): void {
    const attempt = this.#attempt;
    if (!attempt?.server) return;
    const nowMs = this.#options.clock.now();
    const { ping, heardAtMs } = attempt;
    const { sinceMs } = this.#handlers.awaited();
    if (ping) {
      const dueMs = Math.max(ping.sentAtMs, heardAtMs) + this.#stallMs() + 2 * uploadMs(this.#estimate, ping.bytes);
      // If it is the device that slept, an answer may lie there unread.
      const hasSlept = nowMs - this.#watchAtMs > LEAST_QUIET_MS;
      if (nowMs < dueMs) this.#watchAt(dueMs);
      else if (hasSlept) this.#watchAt(nowMs + LEAST_QUIET_MS);
      else this.fail(`stalled: no sign of life for ${Math.round(nowMs - heardAtMs)} ms`);
      return;
    }
    const dueMs =
      sinceMs === undefined
        ? heardAtMs + this.#options.timings.pingIntervalMs
        : Math.max(heardAtMs, sinceMs) + this.#quietMs();
    if (nowMs >= dueMs) this.#ping(attempt, 0);
    else this.#watchAt(dueMs);
  }

  #watchAt(atMs: number): void {
    const { clock } = this.#options;
    this.#timer();
    this.#watchAtMs = atMs;
    this.#timer = clock.setTimer(() => this.#watch(), Math.max(0, atMs - clock.now()));
  }

  /** Silence with a run under way that is nothing special. */
  #quietMs(): number {
    return Math.max(LEAST_QUIET_MS, 2 * slowestRttMs(this.#estimate)) + this.#allowanceMs();
  }

  #stallMs(): number {
    const rttMs = rttMsOf(this.#estimate) ?? 0;
    return Math.max(this.#options.timings.stallTimeoutMs, 8 * rttMs) + this.#allowanceMs();
  }

  /** A ping comes behind what is on its way up. */
  #allowanceMs(): number {
    return 2 * uploadMs(this.#estimate, this.#handlers.awaited().bytes);
  }
}
