// `Compute` by a pool of workers: one queue for all, shared fairly between clients; a paused task goes on where its state is. Knows
// no threads: how a worker is started comes in as `SpawnWorker`.

import { SpinnError } from "../errors.ts";
import { unpackError } from "../portable-error.ts";
import { checkExitThresholds, checkTask, startOf } from "./check-task.ts";
import { ClientPlaces } from "./client-places.ts";
import type { Answered, Compute, OnBest, Outcome, Paused, Start, Task } from "./compute.ts";
import type { JobReply, JobRequest } from "./compute-protocol.ts";
import { deadlinePassed } from "./deadline-passed.ts";
import { FairQueue, type Waiting } from "./fair-queue.ts";
import type { NetworkInfo } from "./network-info.ts";
import { ServiceTimes } from "./service-times.ts";
import { checkSlowdown } from "./slowdown.ts";
import { stepsBetween } from "./steps.ts";
import { type Job, type SpawnWorker, WorkerSlot } from "./worker-slot.ts";

export interface PoolOptions {
  /** Tasks that run at the same time. @default 1 */
  readonly workers?: number;
  /** Tasks that wait; one more fails with Overloaded. @default 256 */
  readonly maxQueued?: number;
  /** Paused tasks whose states are kept; with that many, none that may pause is taken. @default 256 */
  readonly maxPaused?: number;
  /**
   * Everything takes this many times as long: after each slice, after unpacking and after packing the worker sleeps, and the
   * times that are reported contain it. To emulate a slower device. @default 1
   */
  readonly slowdown?: number;
}

export interface ComputePool extends Compute {
  /** Takes effect with the next piece of work. @throws {RangeError} unless finite and at least 1 */
  setSlowdown(factor: number): void;
}

/**
 * Starts the workers and waits until all have opened the network.
 *
 * @throws {RangeError} for options that make no sense
 * @throws {SpinnError} why a worker could not open it
 */
export async function openPool(spawn: SpawnWorker, options: PoolOptions = {}): Promise<ComputePool> {
  const { workers = 1, maxQueued = 256, maxPaused = 256, slowdown = 1 } = options;
  if (!(Number.isInteger(workers) && workers > 0)) throw new RangeError(`A pool cannot have ${workers} workers`);
  if (!(maxQueued >= 0)) throw new RangeError(`A queue cannot be ${maxQueued} tasks long`);
  if (!(maxPaused >= 0)) throw new RangeError(`A pool cannot keep ${maxPaused} states`);
  checkSlowdown(slowdown);
  const pool = new Pool(spawn, { workers, maxQueued, maxPaused, slowdown });
  try {
    await pool.opened;
  } catch (error) {
    await pool.close();
    throw error;
  }
  return pool;
}

/** The queue may take so much longer than its tasks' own times: work between slices counts for none, and machines slow down. */
const MARGIN = 2;

class Pool implements ComputePool {
  network!: NetworkInfo;
  readonly opened: Promise<void>;
  readonly #options: Required<PoolOptions>;
  readonly #slots = new Set<WorkerSlot>();
  readonly #queue = new FairQueue<QueuedJob>();
  readonly #serviceTimes = new ServiceTimes();
  readonly #places = new ClientPlaces();
  #lastId = 0;
  #end: Error | undefined;

  constructor(spawn: SpawnWorker, options: Required<PoolOptions>) {
    this.#options = options;
    let missing = options.workers;
    this.opened = new Promise((resolve, reject) => {
      for (let i = 0; i < options.workers; i++) {
        const slot = new WorkerSlot(spawn, options.slowdown, {
          ready: (network) => {
            this.network ??= network;
            if (--missing === 0) resolve();
          },
          next: () => this.#next(),
          dead: (error) => {
            reject(error);
            this.#slots.delete(slot);
            if (this.#slots.size === 0) this.#fail(error);
          },
        });
        this.#slots.add(slot);
      }
    });
  }

  get pending(): number {
    return [...this.#slots].reduce((sum, slot) => sum + slot.pending, this.#queue.length);
  }

  async start(task: Task, signal?: AbortSignal, onBest?: OnBest): Promise<Outcome> {
    checkTask(this.network, task);
    const { client = "", deadlineMs = Number.POSITIVE_INFINITY } = task;
    const from = startOf(task.start);
    const cost = this.#serviceTimes.workMs(from);
    const slot = this.#slotOrRoom(task, signal);
    const reason = this.whyNot(task);
    if (reason !== undefined) throw new SpinnError("Overloaded", reason);
    const { start, transfer } = handOver(task.start);
    const nowMs = performance.now();
    const deadlineAtMs = nowMs + deadlineMs;
    const request: JobRequest = {
      kind: "start",
      id: ++this.#lastId,
      task: { ...task, start },
      tellsBest: onBest !== undefined,
    };
    const done = await this.#run({ request, transfer, signal, onBest }, (job) => {
      this.#places.asked(client, nowMs);
      this.#queue.push(Object.assign(job, { client, from, deadlineAtMs, cost }));
      slot?.pull();
    });
    if (done.reply.kind === "paused") return this.#paused(done.reply, done);
    const answered = answeredOf(done);
    this.#serviceTimes.observe(from, answered.times, done.stayedMs);
    return answered;
  }

  /** Of what waits, what a worker gets now. Where there is not enough time left, none is lost on it. */
  #next(): Job | undefined {
    const nowMs = performance.now();
    let places = 0;
    for (const { room } of this.#slots) places += room;
    const share = this.#places.share(places, nowMs, (client) => this.#queue.has(client));
    for (;;) {
      const job = this.#queue.take((client) => this.#places.held(client) < share);
      if (!job) return undefined;
      if (!this.#serviceTimes.isTooLate(job.from, job.deadlineAtMs - nowMs)) {
        this.#places.take(job.client, job.cost, nowMs);
        if (this.#places.isGreedy(job.client)) job.request = yielding(job.request);
        return job;
      }
      job.failed(deadlinePassed());
    }
  }

  /** A place is free: perhaps for one of the same client that waits, with whichever worker. */
  #left({ client, from, deadlineAtMs }: QueuedJob, stayedMs: number): void {
    this.#places.giveBack(client);
    if (deadlineAtMs <= performance.now()) this.#serviceTimes.missed(from, stayedMs);
    if (this.#queue.length === 0) return;
    for (const slot of this.#slots) if (slot.hasRoom) slot.pull();
  }

  /** Who would wait until it is too late hears so at once, and can do something else meanwhile. */
  whyNot({ start, client = "", deadlineMs }: Task): string | undefined {
    if (this.#queue.length === 0 || deadlineMs === undefined) return undefined;
    const from = startOf(start);
    const workMs = this.#queue.costBefore(client, this.#serviceTimes.workMs(from));
    const waitMs = (MARGIN * workMs) / Math.max(1, this.#slots.size);
    if (waitMs + this.#serviceTimes.stayMs(from) <= deadlineMs) return undefined;
    return `It would take about ${Math.ceil(waitMs)} ms until its turn`;
  }

  #paused({ id, packet, best, times }: JobReply & { kind: "paused" }, { slot, queueMs }: Done): Paused {
    let isResumed = false;
    return {
      kind: "paused",
      packet,
      ...(best && { best }),
      times: { ...times, queueMs },
      resume: async (signal, onBest) => {
        if (isResumed) throw new TypeError("A task can be resumed once only");
        isResumed = true;
        return await this.#resume(slot, id, signal, onBest);
      },
      drop: () => slot.drop(id),
    };
  }

  async #resume(slot: WorkerSlot, state: number, signal?: AbortSignal, onBest?: OnBest): Promise<Answered> {
    if (this.#end) throw this.#end;
    if (signal?.aborted) {
      slot.drop(state);
      throw aborted();
    }
    if (!slot.release(state))
      throw new SpinnError("Runtime", "The state of the task is gone: dropped, or its worker ended");
    const request: JobRequest = { kind: "resume", id: ++this.#lastId, state, tellsBest: onBest !== undefined };
    return answeredOf(await this.#run({ request, transfer: [], signal, onBest }, (job) => slot.add(job)));
  }

  /** @returns the worker that has least to do, if there is one with room; else the task may wait */
  #slotOrRoom({ cut }: Task, signal: AbortSignal | undefined): WorkerSlot | undefined {
    if (this.#end) throw this.#end;
    if (signal?.aborted) throw aborted();
    let held = 0;
    let idlest: WorkerSlot | undefined;
    for (const slot of this.#slots) {
      held += slot.held;
      if (slot.hasRoom && !(idlest && idlest.pending <= slot.pending)) idlest = slot;
    }
    if (cut !== "none" && held >= this.#options.maxPaused)
      throw new SpinnError("Overloaded", `${held} paused tasks keep their states`, { hint: "Resume or drop them" });
    if (!idlest && this.#queue.length >= this.#options.maxQueued)
      throw new SpinnError("Overloaded", `${this.#queue.length} tasks are waiting already`);
    return idlest;
  }

  async prepare(from: string, cut: string, thresholds: readonly number[]): Promise<void> {
    checkExitThresholds(this.network, thresholds);
    const steps = stepsBetween(this.network, from, cut, thresholds);
    if (this.#end) throw this.#end;
    await Promise.all(
      Array.from(this.#slots, (slot) => {
        const request: JobRequest = { kind: "prepare", id: ++this.#lastId, steps };
        return this.#run({ request, transfer: [] }, (job) => slot.add(job));
      }),
    );
  }

  setSlowdown(factor: number): void {
    checkSlowdown(factor);
    for (const slot of this.#slots) slot.slowdown = factor;
  }

  /** Submits a job and waits for its answer, or for the abort. */
  #run({ request, transfer, signal, onBest }: Assignment, submit: (job: Job) => unknown): Promise<Done> {
    return new Promise((resolve, reject) => {
      const calledMs = performance.now();
      let takenMs = calledMs;
      let isSettled = false;
      const settle = (): boolean => {
        if (isSettled) return false;
        signal?.removeEventListener("abort", abort);
        isSettled = true;
        return true;
      };
      const fail = (error: Error): void => {
        if (settle()) reject(error);
      };
      const job: Job = {
        request,
        transfer,
        onBest: (best) => {
          if (!isSettled) onBest?.(best);
        },
        left: () => {
          if (isQueued(job)) this.#left(job, performance.now() - takenMs);
        },
        taken: () => {
          takenMs = performance.now();
          job.request = withTimeLeft(job.request, takenMs - calledMs);
        },
        done: (reply, slot) => {
          if (reply.kind === "failed") fail(unpackError(reply.error));
          else if (settle())
            resolve({ reply, slot, queueMs: takenMs - calledMs, stayedMs: performance.now() - takenMs });
          // nobody waits any more
          else if (reply.kind === "paused") slot.drop(reply.id);
        },
        failed: fail,
      };
      const abort = (): void => {
        if (isQueued(job)) this.#queue.remove(job);
        for (const slot of this.#slots) slot.cancel(job);
        fail(aborted());
      };
      signal?.addEventListener("abort", abort, { once: true });
      submit(job);
    });
  }

  async close(): Promise<void> {
    const reason = new SpinnError("Aborted", "Computing has been closed");
    this.#fail(reason);
    await Promise.all(Array.from(this.#slots, (slot) => slot.close(reason)));
  }

  #fail(reason: Error): void {
    this.#end ??= reason;
    for (const job of this.#queue.drain()) job.failed(reason);
  }
}

/** What came of a job. */
interface Done {
  readonly reply: Exclude<JobReply, { readonly kind: "failed" }>;
  readonly slot: WorkerSlot;
  readonly queueMs: number;
  /** With the worker. */
  readonly stayedMs: number;
}

/** A job that any worker can do. */
type QueuedJob = Job & Waiting & { readonly from: string };

function isQueued(job: Job): job is QueuedJob {
  return "client" in job;
}

/** Of its deadline a worker is told what is left when it gets a task. */
function withTimeLeft(request: JobRequest, passedMs: number): JobRequest {
  if (request.kind !== "start" || request.task.deadlineMs === undefined) return request;
  return { ...request, task: { ...request.task, deadlineMs: request.task.deadlineMs - passedMs } };
}

function yielding(request: JobRequest): JobRequest {
  return request.kind === "start" ? { ...request, yields: true } : request;
}

function answeredOf({ reply, queueMs }: Done): Answered {
  if (reply.kind !== "answered")
    throw new SpinnError("Runtime", `A worker did something else than answer: ${reply.kind}`);
  const { id: _, times, ...answered } = reply;
  const { waitMs = 0, ...work } = times;
  return { ...answered, times: { ...work, queueMs: queueMs + waitMs } };
}

interface Assignment {
  readonly request: JobRequest;
  readonly transfer: ArrayBuffer[];
  readonly signal?: AbortSignal | undefined;
  readonly onBest?: OnBest | undefined;
}

/** A start and its memory, which is given away. */
function handOver(start: Start): { start: Start; transfer: ArrayBuffer[] } {
  if (start.kind === "input") {
    const values = alone(start.values) ?? new Float32Array(start.values);
    return { start: { ...start, values }, transfer: [values.buffer] };
  }
  // not slice(), which copies nothing of a Node Buffer
  const bytes = alone(start.bytes) ?? new Uint8Array(start.bytes);
  return { start: { ...start, bytes }, transfer: [bytes.buffer] };
}

/** The view, if it is all that there is in its memory: whatever else is there would be given away with it. */
function alone<V extends Float32Array | Uint8Array>(view: V): (V & { readonly buffer: ArrayBuffer }) | undefined {
  const { buffer, byteLength } = view;
  const isAlone = buffer instanceof ArrayBuffer && byteLength === buffer.byteLength;
  return isAlone ? (view as V & { readonly buffer: ArrayBuffer }) : undefined;
}

function aborted(): SpinnError {
  return new SpinnError("Aborted", "The task was aborted");
}
