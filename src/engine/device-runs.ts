// Runs at the server: at most as many as it takes, the others wait their turn; each ends once, by an answer that can be true or by a
// reason why there is none.

import type { RefuseCode, Result, Run } from "../wire/message.ts";
import { encodeMessage } from "../wire/message-codec.ts";
import { BusyPause } from "./busy-pause.ts";
import type { Clock } from "./clock.ts";
import { type Asked, whatIsWrong } from "./device-check-result.ts";
import { type Awaited, DeviceLink, type DeviceLinkOptions } from "./device-link.ts";
import { leftAtMs } from "./device-link-estimate.ts";
import type { FallbackReason } from "./device-result.ts";
import type { NetworkInfo } from "./network-info.ts";

export interface RemoteRequest {
  readonly message: Omit<Run, "kind" | "id" | "deadlineMs">;
  /** How many exits the device has passed. */
  readonly exitsBefore: number;
  /** On the device's clock; nobody waits any longer. */
  readonly deadlineAtMs?: number;
  /** Called once, unless the run is cancelled before. */
  done(outcome: RemoteOutcome): void;
}

export type RemoteOutcome = RemoteAnswer | { readonly kind: "failed"; readonly reason: FallbackReason };

export interface RemoteAnswer {
  readonly kind: "answered";
  readonly result: Result;
  /** Waiting for a place at the server. */
  readonly sendQueueMs: number;
  /** From sending to the answer's arrival. */
  readonly elapsedMs: number;
}

export interface RemoteRun {
  /** Of its message; 0 while it waits. */
  readonly bytesSent: number;
  /** `done` is not called any more, and the server is told if it has got the run. Afterwards nothing happens. */
  cancel(): void;
}

export interface RemoteRunsOptions extends Omit<DeviceLinkOptions, "modelHash"> {
  readonly network: NetworkInfo;
  /** Runs without an answer, as far as the server takes so many. */
  readonly maxInFlight: number;
  /** Runs that wait for a place at the server. */
  readonly maxWaiting: number;
  /** Runs are held back while more bytes than these have not left the device. */
  readonly maxBufferedBytes: number;
}

export interface ConnectionEvents {
  up(): void;
  down(reason: string, refusal?: RefuseCode): void;
}

/** A run that has not ended; `id` is 0 while it waits. */
interface Pending {
  readonly request: RemoteRequest;
  readonly sinceMs: number;
  id: number;
  sentAtMs: number;
  bytesSent: number;
}

/** While bytes wait on the device, nobody says when they have left. */
const LOOK_AGAIN_MS = 5;
/** Cancelled runs may still be answered; of so many the ids are remembered. */
const REMEMBERED = 1024;
const LAST_ID = 2 ** 32 - 1;

export class RemoteRuns {
  readonly link: DeviceLink;
  readonly #network: NetworkInfo;
  readonly #clock: Clock;
  readonly #options: RemoteRunsOptions;
  readonly #events: ConnectionEvents;
  #waiting: Pending[] = [];
  readonly #inFlight = new Map<number, Pending>();
  readonly #cancelled = new Set<number>();
  #awaitedBytes = 0;
  #lastId = 0;
  #previousLeftAtMs = 0;
  #serverLoad = 1;
  readonly #pause: BusyPause;
  #isLookingAgain = false;

  constructor(options: RemoteRunsOptions, events: ConnectionEvents) {
    this.#network = options.network;
    this.#clock = options.clock;
    this.#options = options;
    this.#events = events;
    this.#pause = new BusyPause(options.rng);
    this.link = new DeviceLink(
      { ...options, modelHash: options.network.modelHash },
      {
        up: () => this.#up(),
        down: (reason, refusal) => this.#down(reason, refusal),
        message: (message) => {
          if (message.kind !== "result") this.#serverLoad = message.loadFactor;
          if (message.kind === "result") this.#result(message);
          else if (message.kind === "refuse") this.#refused(message.id, message.code);
        },
        awaited: () => this.#awaited(),
      },
    );
  }

  /** Measured over profiled compute time at the server, as it said last. */
  get serverLoad(): number {
    return this.#serverLoad;
  }

  /** Runs that were sent and have no answer. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Sends a run as soon as the server takes it. */
  start(request: RemoteRequest): RemoteRun {
    const run: Pending = { request, sinceMs: this.#clock.now(), id: 0, sentAtMs: 0, bytesSent: 0 };
    const refusal = this.#reasonNotTo();
    if (refusal) request.done({ kind: "failed", reason: refusal });
    else {
      this.#waiting.push(run);
      this.#send();
    }
    return {
      get bytesSent() {
        return run.bytesSent;
      },
      cancel: () => this.#cancel(run),
    };
  }

  close(): void {
    this.link.close();
  }

  #reasonNotTo(): FallbackReason | undefined {
    if (!this.link.server) return "no-connection";
    const refusal = this.#pause.at(this.#clock.now());
    if (refusal) return `refused:${refusal}`;
    return this.#waiting.length >= this.#options.maxWaiting ? "queue-full" : undefined;
  }

  /** Whatever may go now goes. */
  #send(): void {
    const { server } = this.link;
    if (!server) return;
    const maxInFlight = Math.min(this.#options.maxInFlight, server.limits.maxInFlight);
    while (this.#waiting.length > 0 && this.#inFlight.size < maxInFlight) {
      if (this.link.bufferedBytes > this.#options.maxBufferedBytes) {
        this.#lookAgain();
        return;
      }
      this.#sendOne(this.#waiting.shift()!, server.limits.maxMessageBytes);
    }
  }

  #lookAgain(): void {
    if (this.#isLookingAgain) return;
    this.#isLookingAgain = true;
    this.#clock.setTimer(() => {
      this.#isLookingAgain = false;
      this.#send();
    }, LOOK_AGAIN_MS);
  }

  #sendOne(run: Pending, maxMessageBytes: number): void {
    const { request } = run;
    const nowMs = this.#clock.now();
    const deadlineMs = request.deadlineAtMs === undefined ? undefined : request.deadlineAtMs - nowMs;
    if (deadlineMs !== undefined && deadlineMs <= 0) {
      request.done({ kind: "failed", reason: "deadline" });
      return;
    }
    const id = this.#freeId();
    const deadline = deadlineMs === undefined ? {} : { deadlineMs };
    const bytes = encodeMessage({ kind: "run", id, ...request.message, ...deadline });
    if (bytes.length > maxMessageBytes) {
      request.done({ kind: "failed", reason: "refused:too-large" });
      return;
    }
    run.id = id;
    run.sentAtMs = nowMs;
    run.bytesSent = bytes.length;
    this.#inFlight.set(id, run);
    this.#awaitedBytes += bytes.length;
    this.link.send(bytes);
  }

  #freeId(): number {
    do this.#lastId = this.#lastId === LAST_ID ? 1 : this.#lastId + 1;
    while (this.#inFlight.has(this.#lastId) || this.#cancelled.has(this.#lastId));
    return this.#lastId;
  }

  #cancel(run: Pending): void {
    const place = this.#waiting.indexOf(run);
    if (place >= 0) this.#waiting.splice(place, 1);
    if (this.#inFlight.get(run.id) !== run) return;
    this.#take(run.id);
    this.#cancelled.add(run.id);
    if (this.#cancelled.size > REMEMBERED) this.#cancelled.delete(this.#cancelled.values().next().value!);
    this.link.send(encodeMessage({ kind: "cancel", id: run.id }));
    this.#send();
  }

  #take(id: number): Pending | undefined {
    const run = this.#inFlight.get(id);
    if (run) this.#awaitedBytes -= run.bytesSent;
    this.#inFlight.delete(id);
    return run;
  }

  #result(result: Result): void {
    const run = this.#take(result.id);
    if (!run) {
      this.#unexpected(result.id);
      return;
    }
    const { request, sinceMs, sentAtMs, bytesSent } = run;
    const wrong = whatIsWrong(this.#network, askedOf(request, this.#network), result);
    if (wrong !== undefined) {
      request.done({ kind: "failed", reason: "bad-answer" });
      this.link.fail(`a bad answer: ${wrong}`);
      return;
    }
    const answeredAtMs = this.#clock.now();
    const serverMs = result.queueMs + result.computeMs;
    const transfer = { bytes: bytesSent, sentAtMs, answeredAtMs, serverMs, previousLeftAtMs: this.#previousLeftAtMs };
    this.link.answered(transfer);
    this.#previousLeftAtMs = leftAtMs(transfer, this.link.estimate);
    this.#pause.answered();
    this.#send(); // first, as somebody waits for it
    const elapsedMs = answeredAtMs - sentAtMs;
    request.done({ kind: "answered", result, sendQueueMs: sentAtMs - sinceMs, elapsedMs });
  }

  #refused(id: number, code: RefuseCode): void {
    const run = this.#take(id);
    if (!run) {
      this.#unexpected(id);
      return;
    }
    const nowMs = this.#clock.now();
    this.#pause.refused(code, run.sentAtMs, nowMs);
    // those that wait for a place would hear the same
    const hopeless = this.#pause.at(nowMs) ? this.#waiting.splice(0) : [];
    this.#send();
    for (const { request } of [run, ...hopeless]) request.done({ kind: "failed", reason: `refused:${code}` });
  }

  /** An answer to a run that was cancelled is late; to any other it is a lie. */
  #unexpected(id: number): void {
    if (!this.#cancelled.delete(id)) this.link.fail(`an answer to run ${id}, which does not wait for one`);
  }

  #up(): void {
    this.#previousLeftAtMs = 0;
    this.#events.up();
  }

  #down(reason: string, refusal?: RefuseCode): void {
    const runs = [...this.#inFlight.values(), ...this.#waiting];
    this.#inFlight.clear();
    this.#cancelled.clear();
    this.#waiting = [];
    this.#awaitedBytes = 0;
    this.#events.down(reason, refusal);
    for (const { request } of runs) request.done({ kind: "failed", reason: "disconnected" });
  }

  #awaited(): Awaited {
    return { bytes: this.#awaitedBytes, sinceMs: this.#inFlight.values().next().value?.sentAtMs };
  }
}

function askedOf({ message, exitsBefore }: RemoteRequest, { exits }: NetworkInfo): Asked {
  const { best, plan } = message;
  const thresholds = plan.thresholds.length === 1 ? exits.map(() => plan.thresholds[0]!) : plan.thresholds;
  return { exitsBefore, thresholds, ...(best && { best }) };
}
