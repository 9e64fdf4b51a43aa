// One device at the server: hello first, then runs, each answered once, until one side leaves. Whatever a stranger sends ends
// at worst this connection.

import { isSpinnError, messageOf } from "../errors.ts";
import type { Connection, ConnectionHandlers } from "../transport/transport.ts";
import type { Hello, Message, RefuseCode, Run } from "../wire/message.ts";
import { decodeMessage, encodeMessage, MAX_HELLO_BYTES } from "../wire/message-codec.ts";
import { admit } from "./cloud-admission.ts";
import type { CloudSettings } from "./cloud-options.ts";
import type { Answered, Compute, Task } from "./compute.ts";

/** What the engine is to each of its connections. */
export interface CloudHost {
  readonly settings: CloudSettings;
  readonly isClosing: boolean;
  /** Is there no room for another run? */
  readonly isFull: boolean;
  readonly loadFactor: number;
  /** @returns undefined when there is no such network */
  /** Of the networks that are served, in hexadecimal digits. */
  readonly hashes: readonly string[];
  find(modelHash: Uint8Array): Compute | undefined;
  /** Names a new connection where runs of several wait. */
  name(): string;
  hello(modelHash: Uint8Array): Hello;
  /** A run is handed to `compute`, and comes to an end. */
  compute(compute: Compute, task: Task, signal: AbortSignal): Promise<Answered>;
  answered(): void;
  /** @param id of the run; 0: the connection */
  refused(id: number, code: RefuseCode): void;
  cancelled(): void;
  left(connection: CloudConnection): void;
}

/** A run without an answer yet. */
interface Job {
  readonly controller: AbortController;
  /** Stops the clock of its deadline. */
  disarm(): void;
}

/** Longest reason for a refusal in UTF-16 units: even if each takes three bytes, it fits where a hello is expected. */
const MAX_REASON = 80;

export class CloudConnection implements ConnectionHandlers {
  readonly #connection: Connection;
  readonly #host: CloudHost;
  readonly #name: string;
  readonly #jobs = new Map<number, Job>();
  readonly #openedAtMs: number;
  #heardAtMs: number;
  /** Set by hello. */
  #compute: Compute | undefined;
  /** Longest message that the device takes. */
  #maxSentBytes = MAX_HELLO_BYTES;
  #isClosed = false;

  constructor(connection: Connection, host: CloudHost) {
    this.#connection = connection;
    this.#host = host;
    this.#name = host.name();
    this.#openedAtMs = host.settings.clock.now();
    this.#heardAtMs = this.#openedAtMs;
  }

  /** Has it said hello? */
  get isGreeted(): boolean {
    return this.#compute !== undefined;
  }

  message(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#heardAtMs = this.#host.settings.clock.now();
    try {
      const maxMessageBytes = this.#compute ? this.#host.settings.maxMessageBytes : MAX_HELLO_BYTES;
      this.#take(decodeMessage(bytes, { maxMessageBytes }));
    } catch (error) {
      if (isSpinnError(error, "InvalidFrame")) this.leave("protocol", messageOf(error));
      else this.#fail(error);
    }
  }

  closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const id of [...this.#jobs.keys()]) this.#drop(id);
    this.#host.left(this);
  }

  /** Looks at the clock: sends away who has not said hello, or nothing for long. */
  check(nowMs: number): void {
    const { helloTimeoutMs, idleTimeoutMs } = this.#host.settings;
    if (!this.#compute && nowMs - this.#openedAtMs >= helloTimeoutMs) this.leave("protocol", "no hello");
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
    this.#refuse(0, code, reason);
    this.#close(reason);
  }

  /** Ends the connection as soon as its runs are answered. */
  leaveWhenDone(): void {
    if (this.#jobs.size === 0) this.leave("shutting-down", "The server is shutting down");
  }

  #take(message: Message): void {
    const compute = this.#compute;
    if (!compute) this.#greet(message);
    else if (message.kind === "run") this.#run(message, compute);
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
    const { modelHash, limits } = message;
    const compute = this.#host.find(modelHash);
    if (limits.maxMessageBytes < MAX_HELLO_BYTES) {
      this.leave("protocol", `A device that takes ${limits.maxMessageBytes} bytes cannot be answered`);
    } else if (!compute) {
      this.leave("unknown-model", `The server has ${listed(this.#host.hashes)}`);
    } else {
      this.#compute = compute;
      this.#maxSentBytes = limits.maxMessageBytes;
      this.send(encodeMessage(this.#host.hello(modelHash)));
    }
  }

  #run(run: Run, compute: Compute): void {
    const { isClosing, isFull, settings } = this.#host;
    const standing = { inFlight: this.#jobs, maxInFlight: settings.maxInFlight, isClosing, isFull, client: this.#name };
    const admission = admit(run, compute.network, standing);
    if (admission.kind === "task") this.#start(run, compute, admission.task);
    else if (admission.isViolation) this.leave(admission.code, admission.reason);
    else this.#refuse(run.id, admission.code, admission.reason);
  }

  #start(run: Run, compute: Compute, task: Task): void {
    const { id, deadlineMs } = run;
    const controller = new AbortController();
    const expire = (): void => {
      this.#drop(id);
      this.#refuse(id, "deadline", "The deadline has passed");
      this.#settled();
    };
    const disarm = deadlineMs === undefined ? () => {} : this.#host.settings.clock.setTimer(expire, deadlineMs);
    const job: Job = { controller, disarm };
    this.#jobs.set(id, job);
    const settle = (act: () => void): void => {
      // Dropped meanwhile: the id may stand for another run by now.
      if (this.#jobs.get(id) !== job) return;
      this.#jobs.delete(id);
      disarm();
      act();
      this.#settled();
    };
    this.#host.compute(compute, task, controller.signal).then(
      (outcome) => settle(() => this.#answer(id, outcome)),
      (error: unknown) => settle(() => this.#explain(run, error)),
    );
  }

  #cancel(id: number): void {
    if (this.#jobs.has(id)) this.#host.cancelled();
    this.#drop(id);
    this.#settled();
  }

  #answer(id: number, { answer, logits, times }: Answered): void {
    const { queueMs, unpackMs, slices } = times;
    const computeMs = slices.reduce((sum, { ms }) => sum + ms, unpackMs);
    const bytes = encodeMessage({ kind: "result", id, ...answer, queueMs, computeMs, ...(logits && { logits }) });
    if (bytes.length > this.#maxSentBytes) {
      this.#refuse(id, "too-large", "The answer is longer than the device takes");
    } else {
      this.#host.answered();
      this.send(bytes);
    }
  }

  /** Why a run came to nothing. */
  #explain({ id, payload }: Run, error: unknown): void {
    const reason = messageOf(error);
    if (isSpinnError(error, "InvalidFrame")) {
      this.#refuse(id, "bad-payload", reason);
      // An image is a user's file, a packet is what we speak: who cannot do that is not listened to any longer.
      if (payload.kind === "packet") this.#close(reason);
    } else if (isSpinnError(error, "UnsupportedModel")) this.#refuse(id, "bad-payload", reason);
    else if (isSpinnError(error, "Overloaded")) this.#refuse(id, "busy", "The queue is full");
    else if (isSpinnError(error, "Deadline")) this.#refuse(id, "deadline", reason);
    else if (isSpinnError(error, "Aborted")) this.#refuse(id, "shutting-down", "The server is shutting down");
    else {
      this.#host.settings.onError(error);
      this.#refuse(id, "internal", "The network could not be run");
    }
  }

  /** Our own fault: this connection may be in any state. */
  #fail(error: unknown): void {
    this.#host.settings.onError(error);
    this.leave("internal", "The server failed");
  }

  /** Nobody waits for this run any more. */
  #drop(id: number): void {
    const job = this.#jobs.get(id);
    if (!job) return;
    this.#jobs.delete(id);
    job.disarm();
    job.controller.abort();
  }

  /** There is a run less. */
  #settled(): void {
    if (this.#host.isClosing) this.leaveWhenDone();
  }

  #refuse(id: number, code: RefuseCode, reason: string): void {
    this.#host.refused(id, code);
    const { loadFactor } = this.#host;
    this.send(encodeMessage({ kind: "refuse", id, code, reason: reason.slice(0, MAX_REASON), loadFactor }));
  }

  #close(reason: string): void {
    this.#connection.close(reason);
    this.closed();
  }
}

/** Before hello a message may have 256 bytes: room for four hashes. */
function listed(hashes: readonly string[]): string {
  const more = hashes.length > 4 ? ` and ${hashes.length - 4} more` : "";
  return `${hashes.slice(0, 4).join(", ")}${more}`;
}
