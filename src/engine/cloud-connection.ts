// One device at the server: hello first, then runs, each answered once, until one side leaves. Whatever a stranger sends ends
// at worst this connection.

import { isSpinnError, messageOf } from "../errors.ts";
import { hexOf } from "../hex.ts";
import { TokenBucket } from "../token-bucket.ts";
import type { Connection, ConnectionHandlers } from "../transport/transport.ts";
import type { Hello, Message, RefuseCode, Run } from "../wire/message.ts";
import { decodeMessage, encodeMessage, kindOf, MAX_HELLO_BYTES } from "../wire/message-codec.ts";
import { type Account, shareMsOf } from "./client-ledger.ts";
import { admit } from "./cloud-admission.ts";
import type { CloudEvent, RunEnd } from "./cloud-events.ts";
import type { CloudSettings } from "./cloud-options.ts";
import type { Answered, Compute, Task } from "./compute.ts";

/** What the engine is to each of its connections. */
export interface CloudHost {
  readonly settings: CloudSettings;
  readonly isClosing: boolean;
  /** Is there no room for another run? */
  readonly isFull: boolean;
  readonly loadFactor: number;
  /** Of the networks that are served, in hexadecimal digits. */
  readonly hashes: readonly string[];
  /** @returns undefined when there is no such network */
  find(modelHash: Uint8Array): Compute | undefined;
  /** Names a new connection where runs of several wait. */
  name(): string;
  hello(compute: Compute): Hello;
  /** A run is handed to `compute`, and comes to an end. */
  compute(compute: Compute, task: Task, signal: AbortSignal): Promise<Answered>;
  tell(event: CloudEvent): void;
  left(connection: CloudConnection): void;
}

/** A run as it came. */
interface Arrival {
  readonly run: Run;
  readonly receivedBytes: number;
  readonly arrivedMs: number;
}

/** A run without an answer yet. */
interface Job extends Arrival {
  readonly controller: AbortController;
  /** Stops the clock of its deadline. */
  disarm(): void;
}

/** Longest reason for a refusal in UTF-16 units: even if each takes three bytes, it fits where a hello is expected. */
const MAX_REASON = 80;

/** Behind one address there may be many devices: it may say so many times as much as a client that is known. */
const ADDRESS_SHARE = 4;
const MOST_PAUSE_MS = 2000;

export class CloudConnection implements ConnectionHandlers {
  readonly #connection: Connection;
  readonly #host: CloudHost;
  readonly #name: string;
  readonly #account: Account;
  readonly #messages: TokenBucket;
  readonly #jobs = new Map<number, Job>();
  readonly #openedAtMs: number;
  #heardAtMs: number;
  /** Set by hello, both. */
  #compute: Compute | undefined;
  #network: string | undefined;
  /** Longest message that the device takes. */
  #maxSentBytes = MAX_HELLO_BYTES;
  /** Why it is to go, as soon as its runs are answered. */
  #leaving: string | undefined;
  #isClosed = false;

  constructor(connection: Connection, host: CloudHost) {
    this.#connection = connection;
    this.#host = host;
    this.#name = host.name();
    this.#openedAtMs = host.settings.clock.now();
    this.#heardAtMs = this.#openedAtMs;
    const { peer, client, address } = connection;
    const { ledger, maxMessagesPerSecond } = host.settings;
    const perClient = maxMessagesPerSecond * (client === undefined ? ADDRESS_SHARE : 1);
    this.#account = ledger.open(client ?? address ?? this.#name, perClient);
    this.#messages = new TokenBucket(maxMessagesPerSecond, 2 * maxMessagesPerSecond, this.#openedAtMs);
    host.tell({ kind: "connected", connection: this.#name, peer, ...(client !== undefined && { client }) });
  }

  /** Has it said hello? */
  get isGreeted(): boolean {
    return this.#compute !== undefined;
  }

  /** Which one it has asked for, in hexadecimal digits; undefined before hello. */
  get network(): string | undefined {
    return this.#network;
  }

  message(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#heardAtMs = this.#host.settings.clock.now();
    const denial = this.#account.received(bytes.length);
    if (denial) this.leave(denial.code, denial.reason);
    else if (this.#messages.take(1, this.#heardAtMs) > 0) this.leave("rate-limited", "Too many messages");
    else if (!this.#isTooMuch(bytes)) this.#read(bytes);
  }

  /** A client that says too much on many connections has to wait; what comes all the same is read as far as somebody waits for it. */
  #isTooMuch(bytes: Uint8Array): boolean {
    const waitMs = this.#account.heard();
    if (waitMs === 0 || !this.#compute) return false;
    this.#connection.pause?.(Math.min(waitMs, MOST_PAUSE_MS));
    return waitMs > MOST_PAUSE_MS && kindOf(bytes) !== "run";
  }

  #read(bytes: Uint8Array): void {
    try {
      const maxMessageBytes = this.#compute ? this.#host.settings.maxMessageBytes : MAX_HELLO_BYTES;
      this.#take(decodeMessage(bytes, { maxMessageBytes }), bytes.length);
    } catch (error) {
      if (isSpinnError(error, "InvalidFrame")) this.leave("protocol", messageOf(error));
      else this.#fail(error);
    }
  }

  closed(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#account.close();
    for (const job of [...this.#jobs.values()]) this.#drop(job, { kind: "cancelled" });
    this.#host.tell({ kind: "left", connection: this.#name, reason });
    this.#host.left(this);
  }

  /** Looks at the clock: sends away who has not said hello, or nothing for long, or cannot prove any longer who it is. */
  check(nowMs: number): void {
    const { helloTimeoutMs, idleTimeoutMs } = this.#host.settings;
    const { clientForMs = Number.POSITIVE_INFINITY } = this.#connection;
    if (nowMs - this.#openedAtMs >= clientForMs) this.leave("unauthorized", "The token has expired");
    else if (!this.#compute && nowMs - this.#openedAtMs >= helloTimeoutMs) this.leave("protocol", "no hello");
    else if (this.#jobs.size === 0 && nowMs - this.#heardAtMs >= idleTimeoutMs) this.#close("silent for too long");
  }

  /** Sends a message that was encoded before. */
  send(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#connection.send(bytes);
    if (this.#connection.bufferedBytes > this.#host.settings.maxBufferedBytes) this.#close("does not read its answers");
  }

  /** Ends the connection, saying why; runs without an answer are dropped. */
  leave(code: RefuseCode, reason: string): void {
    if (this.#isClosed) return;
    this.#sayNo(0, code, reason);
    this.#host.tell({ kind: "refused", connection: this.#name, code, reason });
    this.#close(reason);
  }

  /** Ends the connection as soon as its runs are answered, and takes no more of them. */
  leaveWhenDone(reason: string): void {
    this.#leaving = reason;
    this.#settled();
  }

  #take(message: Message, receivedBytes: number): void {
    const compute = this.#compute;
    if (!compute) this.#greet(message);
    else if (message.kind === "run") this.#run(message, receivedBytes, compute);
    else if (message.kind === "cancel") this.#cancel(message.id);
    else if (message.kind === "ping") this.send(encodeMessage({ kind: "pong", id: message.id }));
    else if (message.kind === "refuse" && message.id === 0) this.#close("the device refused");
    else this.leave("protocol", `A device must not send ${message.kind} here`);
  }

  #greet(message: Message): void {
    if (message.kind !== "hello" || message.role !== "device") {
      this.leave("protocol", `A ${message.kind} came before the device's hello`);
      return;
    }
    const { modelHash, limits, agent } = message;
    const compute = this.#host.find(modelHash);
    if (limits.maxMessageBytes < MAX_HELLO_BYTES) {
      this.leave("protocol", `A device that takes ${limits.maxMessageBytes} bytes cannot be answered`);
    } else if (!compute) {
      this.leave("unknown-model", `The server has ${listed(this.#host.hashes)}`);
    } else {
      this.#compute = compute;
      this.#network = hexOf(modelHash);
      this.#maxSentBytes = limits.maxMessageBytes;
      this.send(encodeMessage(this.#host.hello(compute)));
      this.#host.tell({ kind: "greeted", connection: this.#name, network: this.#network, agent });
    }
  }

  #run(run: Run, receivedBytes: number, compute: Compute): void {
    const { isClosing, isFull, settings } = this.#host;
    const arrival: Arrival = { run, receivedBytes, arrivedMs: settings.clock.now() };
    const admission = admit(run, compute.network, {
      inFlight: this.#jobs,
      maxInFlight: settings.maxInFlight,
      isClosing: isClosing || this.#leaving !== undefined,
      isFull,
      client: this.#connection.client ?? this.#name,
    });
    if (admission.kind === "task") this.#begin(arrival, compute, admission.task);
    else if (admission.isViolation) this.leave(admission.code, admission.reason);
    else this.#refuse(arrival, admission.code, admission.reason);
  }

  #begin(arrival: Arrival, compute: Compute, task: Task): void {
    const reason = compute.whyNot?.(task);
    const denial = reason === undefined ? this.#account.begin() : undefined;
    if (reason !== undefined) this.#refuse(arrival, "busy", reason);
    else if (denial) this.#refuse(arrival, denial.code, denial.reason);
    else this.#start(arrival, compute, task);
  }

  #start(arrival: Arrival, compute: Compute, task: Task): void {
    const { id, deadlineMs } = arrival.run;
    const controller = new AbortController();
    const expire = (): void => {
      this.#drop(job);
      this.#refuse(job, "deadline", "The deadline has passed");
      this.#settled();
    };
    const disarm = deadlineMs === undefined ? () => {} : this.#host.settings.clock.setTimer(expire, deadlineMs);
    const job: Job = { ...arrival, controller, disarm };
    this.#jobs.set(id, job);
    const settle = (act: () => void): void => {
      // Dropped meanwhile: the id may stand for another run by now.
      if (this.#jobs.get(id) !== job) return;
      this.#jobs.delete(id);
      disarm();
      act();
      this.#settled();
    };
    // What was computed counts, whether or not somebody still waits for it.
    this.#host.compute(compute, task, controller.signal).then(
      (outcome) => {
        this.#account.ended(shareMsOf(outcome));
        settle(() => this.#answer(job, outcome));
      },
      (error: unknown) => {
        this.#account.ended(0);
        settle(() => this.#explain(job, error));
      },
    );
  }

  #cancel(id: number): void {
    const job = this.#jobs.get(id);
    if (job) this.#drop(job, { kind: "cancelled" });
    this.#settled();
  }

  #answer(job: Job, outcome: Answered): void {
    const { answer, confident, logits, times } = outcome;
    const { queueMs } = times;
    const { id } = job.run;
    const computeMs = computeMsOf(outcome);
    const bytes = encodeMessage({ kind: "result", id, ...answer, queueMs, computeMs, ...(logits && { logits }) });
    if (bytes.length > this.#maxSentBytes) {
      this.#refuse(job, "too-large", "The answer is longer than the device takes");
    } else {
      this.#ended(job, { kind: "answered", exit: answer.exit, confident, sentBytes: bytes.length, times });
      this.send(bytes);
    }
  }

  /** Why a run came to nothing. */
  #explain(job: Job, error: unknown): void {
    const reason = messageOf(error);
    if (isSpinnError(error, "InvalidFrame")) {
      this.#refuse(job, "bad-payload", reason);
      // An image is a user's file, a packet is what we speak: who cannot do that is not listened to any longer.
      if (job.run.payload.kind === "packet" && !this.#host.settings.servesGateways) this.#close(reason);
    } else if (isSpinnError(error, "UnsupportedModel")) this.#refuse(job, "bad-payload", reason);
    else if (isSpinnError(error, "Overloaded")) this.#refuse(job, "busy", "The queue is full");
    else if (isSpinnError(error, "Deadline")) this.#refuse(job, "deadline", reason);
    else if (isSpinnError(error, "Aborted")) this.#refuse(job, "shutting-down", "The server is shutting down");
    else {
      this.#host.settings.onError(error);
      this.#refuse(job, "internal", "The network could not be run");
    }
  }

  /** Our own fault: this connection may be in any state. */
  #fail(error: unknown): void {
    this.#host.settings.onError(error);
    this.leave("internal", "The server failed");
  }

  /** Nobody waits for this run any more. */
  #drop(job: Job, end?: RunEnd): void {
    if (this.#jobs.get(job.run.id) !== job) return;
    this.#jobs.delete(job.run.id);
    job.disarm();
    job.controller.abort();
    if (end) this.#ended(job, end);
  }

  /** There is a run less. */
  #settled(): void {
    if (this.#leaving !== undefined && this.#jobs.size === 0) this.leave("shutting-down", this.#leaving);
  }

  #refuse(arrival: Arrival, code: RefuseCode, reason: string): void {
    this.#ended(arrival, { kind: "refused", code, reason });
    this.#sayNo(arrival.run.id, code, reason);
  }

  #ended({ run, receivedBytes, arrivedMs }: Arrival, end: RunEnd): void {
    const { plan, trace } = run;
    const totalMs = this.#host.settings.clock.now() - arrivedMs;
    const event = {
      kind: "run",
      connection: this.#name,
      network: this.network!,
      cut: plan.cut,
      receivedBytes,
    } as const;
    this.#host.tell({ ...event, totalMs, ...(trace && { trace }), end });
  }

  /** @param id of a run; 0: the connection */
  #sayNo(id: number, code: RefuseCode, reason: string): void {
    const { loadFactor } = this.#host;
    this.send(encodeMessage({ kind: "refuse", id, code, reason: reason.slice(0, MAX_REASON), loadFactor }));
  }

  #close(reason: string): void {
    this.#connection.close(reason);
    this.closed(reason);
  }
}

function computeMsOf({ times }: Answered): number {
  return times.slices.reduce((sum, { ms }) => sum + ms, times.unpackMs);
}

/** Before hello a message may have 256 bytes: room for four hashes. */
function listed(hashes: readonly string[]): string {
  const more = hashes.length > 4 ? ` and ${hashes.length - 4} more` : "";
  return `${hashes.slice(0, 4).join(", ")}${more}`;
}
