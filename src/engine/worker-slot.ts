// One place in a pool: a worker that does one job at a time, with what only this worker can do queued before it. A worker
// that ends unasked is started again.

import { messageOf, SpinnError } from "../errors.ts";
import { unpackError } from "../portable-error.ts";
import type { OnBest } from "./compute.ts";
import type { ComputeReply, ComputeRequest, JobReply, JobRequest } from "./compute-protocol.ts";
import type { NetworkInfo } from "./network-info.ts";

/** A worker as the pool sees it: a thread in Node, a web worker in a page. */
export interface WorkerLink {
  post(request: ComputeRequest, transfer: ArrayBuffer[]): void;
  /** Whether the worker keeps the process alive. */
  hold(alive: boolean): void;
  /** Ends it, whatever it is doing. */
  end(): Promise<void>;
}

export interface LinkEvents {
  reply(reply: ComputeReply): void;
  /** It is gone, and nobody has ended it. Once. */
  ended(reason: string): void;
}

/** Starts a worker that will host the network (`hostCompute`). */
export type SpawnWorker = (events: LinkEvents) => WorkerLink;

export interface Job {
  readonly request: JobRequest;
  readonly transfer: ArrayBuffer[];
  readonly onBest?: OnBest;
  /** A worker is free and gets it. */
  taken(): void;
  /** Called once, by `slot` when the worker has answered. */
  done(reply: JobReply, slot: WorkerSlot): void;
  failed(error: Error): void;
}

export interface SlotEvents {
  ready(network: NetworkInfo): void;
  /** The worker is free: something to do that any worker can, if there is. */
  next(): Job | undefined;
  /** It has failed for good, and so have its jobs. */
  dead(error: Error): void;
}

/** Starts in a row without a job done, after which a worker is given up. */
const MAX_STARTS = 5;
const FIRST_PAUSE_MS = 100;

export class WorkerSlot {
  readonly #spawn: SpawnWorker;
  readonly #events: SlotEvents;
  readonly #own: Job[] = [];
  readonly #states = new Set<number>();
  #link: WorkerLink | undefined;
  #isReady = false;
  /** Ever: what fails at once will fail again. */
  #wasReady = false;
  #job: Job | undefined;
  #starts = 0;
  #restart: ReturnType<typeof setTimeout> | undefined;
  #slowdown = 1;
  #end: Error | undefined;

  constructor(spawn: SpawnWorker, slowdown: number, events: SlotEvents) {
    this.#spawn = spawn;
    this.#events = events;
    this.#slowdown = slowdown;
    this.#start();
  }

  get isIdle(): boolean {
    return this.#isReady && this.#job === undefined && this.#own.length === 0;
  }

  /** Jobs that wait for this worker or are with it. */
  get pending(): number {
    return this.#own.length + (this.#job ? 1 : 0);
  }

  /** Kept states. */
  get held(): number {
    return this.#states.size;
  }

  /** A job that only this worker can do: it comes before those that any can do. */
  add(job: Job): void {
    this.#own.push(job);
    if (this.#end) this.#failJobs(this.#end);
    else this.#next();
  }

  /** Leaves the state of a paused task to a job that will go on from it. @returns whether it is still here */
  release(state: number): boolean {
    return this.#states.delete(state);
  }

  drop(state: number): void {
    if (this.#states.delete(state)) this.#link?.post({ kind: "drop", state }, []);
  }

  /** Takes a job back that waits, or has it end before its next slice. */
  cancel(job: Job): void {
    const place = this.#own.indexOf(job);
    if (place >= 0) {
      this.#own.splice(place, 1);
      if (job.request.kind === "resume") this.#link?.post({ kind: "drop", state: job.request.state }, []);
    } else if (this.#job === job) this.#link?.post({ kind: "cancel", id: job.request.id }, []);
  }

  set slowdown(factor: number) {
    this.#slowdown = factor;
    this.#link?.post({ kind: "slowdown", factor }, []);
  }

  /** All jobs here fail with `reason`. */
  async close(reason: Error): Promise<void> {
    clearTimeout(this.#restart);
    this.#fail(reason);
    const link = this.#link;
    this.#link = undefined;
    await link?.end();
  }

  #start(): void {
    this.#starts++;
    const link = this.#spawn({
      reply: (reply) => link === this.#link && this.#take(reply),
      ended: (reason) => link === this.#link && this.#ended(new SpinnError("Runtime", reason)),
    });
    this.#link = link;
    link.hold(true);
  }

  #take(reply: ComputeReply): void {
    switch (reply.kind) {
      case "ready":
        this.#isReady = true;
        this.#wasReady = true;
        if (this.#slowdown !== 1) this.slowdown = this.#slowdown;
        this.#events.ready(reply.network);
        this.#next();
        break;
      case "unusable":
        this.#ended(unpackError(reply.error));
        break;
      case "best":
        if (reply.id === this.#job?.request.id) this.#job.onBest?.(reply.best);
        break;
      default: {
        const job = this.#job;
        this.#job = undefined;
        this.#starts = 0;
        if (reply.kind === "paused") this.#states.add(reply.id);
        // first the next job, then what this one's owner does about it
        this.#next();
        job?.done(reply, this);
      }
    }
  }

  #next(): void {
    if (!this.#isReady || this.#job) return;
    const job = this.#own.shift() ?? this.#events.next();
    if (job) this.#post(job);
    this.#link?.hold(this.#job !== undefined);
  }

  #post(job: Job): void {
    this.#job = job;
    job.taken();
    try {
      this.#link!.post(job.request, job.transfer);
    } catch (error) {
      // memory that cannot be given away
      this.#job = undefined;
      job.failed(error instanceof Error ? error : new TypeError(String(error)));
      this.#next();
    }
  }

  #ended(reason: Error): void {
    void this.#link?.end();
    this.#link = undefined;
    this.#isReady = false;
    this.#states.clear();
    if (!this.#wasReady || this.#starts >= MAX_STARTS) {
      this.#fail(reason);
      this.#events.dead(reason);
      return;
    }
    this.#failJobs(reason);
    this.#restart = setTimeout(() => this.#startAgain(), FIRST_PAUSE_MS * 2 ** this.#starts);
  }

  #startAgain(): void {
    try {
      this.#start();
    } catch (error) {
      this.#ended(new SpinnError("Runtime", messageOf(error), { cause: error }));
    }
  }

  #fail(reason: Error): void {
    this.#end = reason;
    this.#isReady = false;
    this.#failJobs(reason);
  }

  #failJobs(reason: Error): void {
    const jobs = this.#own.splice(0);
    if (this.#job) jobs.unshift(this.#job);
    this.#job = undefined;
    for (const job of jobs) job.failed(reason);
  }
}
