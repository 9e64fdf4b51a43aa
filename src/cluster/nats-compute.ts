// `Compute` by workers on NATS: who is there takes what it has room for, the least busy first; what was with a worker that died is
// sent to another, since a run may be computed twice without harm.

import type { NatsConnection } from "@nats-io/transport-node";
import { invalidFrame } from "../codec/invalid-frame.ts";
import { checkTask, startOf } from "../engine/check-task.ts";
import { deadlinePassed } from "../engine/deadline-passed.ts";
import { whatIsWrong } from "../engine/device-check-result.ts";
import { FairQueue, type Waiting } from "../engine/fair-queue.ts";
import {
  type Answered,
  type Clock,
  type Compute,
  hexOf,
  type NetworkInfo,
  systemClock,
  type Task,
} from "../engine/index.ts";
import { isSpinnError, SpinnError } from "../errors.ts";
import { isConfident } from "../progressive/exit-policy.ts";
import { natsDial } from "../transport/nats.ts";
import { linkOf } from "../transport/nats-link.ts";
import {
  decodeMessage,
  defaultWireLimits,
  type Hello,
  MAX_HELLO_BYTES,
  type Refuse,
  type Result,
} from "../wire/index.ts";
import { runOfTask } from "./run-of-task.ts";
import { hereSubject, whoSubject, workerSubject } from "./subjects.ts";
import { WorkerLink } from "./worker-link.ts";

export interface NatsComputeOptions {
  readonly nats: NatsConnection;
  readonly network: NetworkInfo;
  /** Runs that wait here; one more fails with Overloaded. @default 256 */
  readonly maxQueued?: number;
  /** Without a single worker a run waits so long for one; then it fails with Overloaded. @default 2000 */
  readonly patienceMs?: number;
  readonly agent?: string;
  readonly clock?: Clock;
}

export interface NatsCompute extends Compute {
  /** Those that take runs now. */
  readonly workers: number;
}

/** A run that was lost with so many workers is not sent to another: it may be what kills them. */
const MAX_LOSSES = 3;
const TICK_MS = 50;

interface Job extends Waiting {
  readonly task: Task;
  readonly startedMs: number;
  losses: number;
  /** Where it is, when it is with a worker. */
  at?: { readonly link: WorkerLink<Job>; readonly id: number } | undefined;
  settle(outcome: Answered | Error): void;
}

/**
 * Workers are found by themselves, and those that come later, too.
 *
 * `start` fails with Overloaded when NATS or all workers are gone. Only tasks that end with an answer can be computed, and their
 * times know one slice: how the worker went on it does not tell.
 */
export function openNatsCompute(options: NatsComputeOptions): NatsCompute {
  return new Workers(options);
}

class Workers implements NatsCompute {
  readonly network: NetworkInfo;
  readonly #options: Required<NatsComputeOptions>;
  readonly #hash: string;
  readonly #links = new Map<string, WorkerLink<Job>>();
  readonly #queue = new FairQueue<Job>();
  readonly #jobs = new Set<Job>();
  readonly #stopListening: () => void;
  #stopTicking: () => void = () => {};
  /** When there was a worker last. */
  #seenAtMs: number;
  #isClosed = false;

  constructor(options: NatsComputeOptions) {
    const { nats, network, clock = systemClock } = options;
    this.#options = { maxQueued: 256, patienceMs: 2000, agent: "spinn", clock, ...options };
    this.network = network;
    this.#hash = hexOf(network.modelHash);
    this.#seenAtMs = clock.now();
    const here = nats.subscribe(hereSubject(this.#hash, "*"), {
      callback: (error, { subject, data }) => {
        if (!error) this.#announced(subject.slice(hereSubject(this.#hash, "").length), data);
      },
    });
    const forgetLink = linkOf(nats).onLost(() => this.#failAll(natsIsGone()));
    this.#stopListening = () => {
      forgetLink();
      if (!nats.isClosed()) here.unsubscribe();
    };
    nats.publish(whoSubject(this.#hash));
    this.#tick();
  }

  get workers(): number {
    return [...this.#links.values()].filter(({ capacity }) => capacity > 0).length;
  }

  get pending(): number {
    return this.#jobs.size;
  }

  async start(task: Task, signal?: AbortSignal): Promise<Answered> {
    checkTask(this.network, task);
    if (task.cut !== "none") throw new RangeError("Workers compute to the end of the network");
    if (this.#isClosed || signal?.aborted) throw aborted();
    if (!linkOf(this.#options.nats).isUp) throw natsIsGone();
    if (this.#isDeserted) throw nobodyIsThere();
    if (this.#queue.length >= this.#options.maxQueued)
      throw new SpinnError("Overloaded", `${this.#queue.length} runs are waiting for a worker already`);
    return await new Promise((resolve, reject) => {
      const { client = "", deadlineMs = Number.POSITIVE_INFINITY } = task;
      const startedMs = this.#now();
      const abort = (): void => job.settle(aborted());
      const job: Job = {
        task,
        client,
        cost: 1,
        startedMs,
        deadlineAtMs: startedMs + deadlineMs,
        losses: 0,
        settle: (outcome) => {
          if (!this.#jobs.delete(job)) return;
          signal?.removeEventListener("abort", abort);
          this.#queue.remove(job);
          job.at?.link.cancel(job.at.id);
          if (outcome instanceof Error) reject(outcome);
          else resolve(outcome);
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#jobs.add(job);
      this.#queue.push(job);
      this.#dispatch();
    });
  }

  /** Workers make their slices themselves. */
  async prepare(): Promise<void> {}

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopListening();
    this.#stopTicking();
    this.#failAll(aborted());
    for (const link of [...this.#links.values()]) link.close();
  }

  #now(): number {
    return this.#options.clock.now();
  }

  /** A worker says that it is there. Whatever else is published where workers say so changes nothing. */
  #announced(worker: string, data: Uint8Array): void {
    if (this.#isClosed || this.#links.has(worker) || !/^[0-9a-f-]{1,64}$/.test(worker)) return;
    if (!isHello(data, this.#hash)) return;
    const { nats, clock, agent } = this.#options;
    const limits = { maxMessageBytes: defaultWireLimits.maxMessageBytes, maxTensorBytes: 0, maxInFlight: 1 };
    const hello: Hello = { kind: "hello", role: "device", modelHash: this.network.modelHash, limits, agent };
    const link = new WorkerLink<Job>(natsDial(nats, workerSubject(worker)), hello, clock, {
      ready: () => this.#dispatch(),
      result: (job, result) => this.#answered(job, result),
      refused: (job, refuse) => this.#refused(job, refuse),
      lost: (_, jobs) => {
        this.#links.delete(worker);
        for (const job of jobs) this.#lost(job);
        this.#dispatch();
      },
    });
    this.#links.set(worker, link);
  }

  /** Gives out what waits, as long as somebody has room. */
  #dispatch(): void {
    for (;;) {
      const link = this.#idlest();
      const job = link && this.#queue.take();
      if (!job) return;
      const leftMs = job.deadlineAtMs - this.#now();
      if (leftMs <= 0) job.settle(deadlinePassed());
      else job.at = { link, id: link.send(job, (id) => runOfTask(this.network, job.task, id, leftMs)) };
    }
  }

  /** Of those with room, whoever is busy with the smallest share of what it can do. */
  #idlest(): WorkerLink<Job> | undefined {
    let idlest: WorkerLink<Job> | undefined;
    for (const link of this.#links.values()) {
      if (link.room === 0) continue;
      if (!idlest || link.inFlight / link.capacity < idlest.inFlight / idlest.capacity) idlest = link;
    }
    return idlest;
  }

  #answered(job: Job, result: Result): void {
    const { task, startedMs } = job;
    job.at = undefined;
    const { exitsBefore } = this.network.cuts.find(({ id }) => id === startOf(task.start))!;
    const wrong = whatIsWrong(this.network, { ...task, exitsBefore }, result);
    if (wrong !== undefined) job.settle(new SpinnError("Runtime", `A worker's answer cannot be true: ${wrong}`));
    else job.settle(answeredOf(this.network, task, result, this.#now() - startedMs));
    this.#dispatch();
  }

  #refused(job: Job, { code, reason }: Refuse): void {
    job.at = undefined;
    if (code === "busy" || code === "shutting-down") this.#queue.push(job);
    else job.settle(errorOf(code, reason));
    this.#dispatch();
  }

  #lost(job: Job): void {
    job.at = undefined;
    if (++job.losses < MAX_LOSSES) this.#queue.push(job);
    else job.settle(new SpinnError("Runtime", `A run was lost with ${MAX_LOSSES} workers`));
  }

  #tick(): void {
    if (this.#isClosed) return;
    for (const link of [...this.#links.values()]) link.check();
    if (this.workers > 0) this.#seenAtMs = this.#now();
    if (this.#isDeserted) this.#failAll(nobodyIsThere());
    for (const job of this.#jobs) if (job.deadlineAtMs <= this.#now()) job.settle(deadlinePassed());
    this.#dispatch();
    this.#stopTicking = this.#options.clock.setTimer(() => this.#tick(), TICK_MS);
  }

  /** Has there been no worker for longer than anybody waits for one? */
  get #isDeserted(): boolean {
    return this.workers === 0 && this.#now() - this.#seenAtMs > this.#options.patienceMs;
  }

  #failAll(error: SpinnError): void {
    for (const job of [...this.#jobs]) job.settle(error);
  }
}

/** @param network in hexadecimal digits */
function isHello(data: Uint8Array, network: string): boolean {
  try {
    const message = decodeMessage(data, { maxMessageBytes: MAX_HELLO_BYTES });
    return message.kind === "hello" && message.role === "server" && hexOf(message.modelHash) === network;
  } catch (error) {
    if (isSpinnError(error, "InvalidFrame")) return false;
    throw error;
  }
}

/** @param totalMs from the call to the answer; what was not computing was waiting */
function answeredOf(network: NetworkInfo, task: Task, result: Result, totalMs: number): Answered {
  const { exit, label, confidence, logits, computeMs } = result;
  const confident = isConfident(confidence, task.thresholds[exit]!);
  const from = startOf(task.start);
  const isHere = exit >= network.cuts.find(({ id }) => id === from)!.exitsBefore;
  const to = confident && isHere ? network.exits[exit]!.at : "none";
  const answer = { exit, label, confidence };
  return {
    kind: "answered",
    answer,
    confident,
    ...(logits && { logits }),
    times: {
      slices: [{ from, to, ms: computeMs, ...(isHere && { exit: answer }) }],
      unpackMs: 0,
      packMs: 0,
      queueMs: Math.max(0, totalMs - computeMs),
    },
  };
}

function errorOf(code: Refuse["code"], reason: string): SpinnError {
  if (code === "bad-payload") return invalidFrame("payload", reason);
  if (code === "deadline") return deadlinePassed();
  return new SpinnError("Runtime", `A worker refused (${code}): ${reason}`);
}

function natsIsGone(): SpinnError {
  return new SpinnError("Overloaded", "There is no connection to NATS", { hint: "It comes back by itself" });
}

function nobodyIsThere(): SpinnError {
  return new SpinnError("Overloaded", "No worker serves this network", { hint: "Start one with `spinn serve --nats`" });
}

function aborted(): SpinnError {
  return new SpinnError("Aborted", "The task was aborted");
}
