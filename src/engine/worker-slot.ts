// One place in a pool: a worker that does one job at a time, or as many as it says, with what only this worker can do queued before
// it. A worker that ends unasked is started again.

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
  request: JobRequest;
  readonly transfer: ArrayBuffer[];
  readonly onBest?: OnBest;
  /** A worker has room and gets it: the last moment to change the request, but for its id. */
  taken(): void;
  /** It is with the worker no more, whatever comes of it; right before `done` or `failed`. */
  left(): void;
  /** Called once, by `slot` when the worker has answered. */
  done(reply: JobReply, slot: WorkerSlot): void;
  failed(error: Error): void;
}

export interface SlotEvents {
  ready(network: NetworkInfo): void;
  /** The worker has room: something to do that any worker can, if there is. */
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
  /** Those that the worker has, by id. */
  readonly #jobs = new Map<number, Job>();
  /** How many it wants. */
  #room = 1;
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

  /** How many jobs it wants at a time. */
  get room(): number {
    return this.#room;
  }

  /** Would it begin with another job at once? */
  get hasRoom(): boolean {
    return this.#isReady && this.#jobs.size < this.#room && this.#own.length === 0;
  }

  /** Jobs that wait for this worker or are with it. */
  get pending(): number {
    return this.#own.length + this.#jobs.size;
  }

  /** Kept states. */
  get held(): number {
    return this.#states.size;
  }

  /** A job that only this worker can do: it comes before those that any can do. */
  add(job: Job): void {
    this.#own.push(job);
    if (this.#end) this.#failJobs(this.#end);
    else this.pull();
  }

  /** Takes what there is to do, as far as there is room. */
  pull(): void {
    while (this.#isReady && this.#jobs.size < this.#room) {
      const job = this.#own.shift() ?? this.#events.next();
      if (!job) break;
      this.#post(job);
    }
    this.#link?.hold(!this.#isReady || this.#jobs.size > 0);
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
    } else if (this.#jobs.get(job.request.id) === job) this.#link?.post({ kind: "cancel", id: job.request.id }, []);
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
        this.pull();
        break;
      case "unusable":
        this.#ended(unpackError(reply.error));
        break;
      case "room":
        this.#room = reply.jobs;
        this.pull();
        break;
      case "best":
        this.#jobs.get(reply.id)?.onBest?.(reply.best);
        break;
      default: {
        const job = this.#jobs.get(reply.id);
        this.#jobs.delete(reply.id);
        this.#starts = 0;
        job?.left();
        if (reply.kind === "paused") this.#states.add(reply.id);
        // first the next job, then what this one's owner does about it
        this.pull();
        job?.done(reply, this);
      }
    }
  }

  #post(job: Job): void {
    this.#jobs.set(job.request.id, job);
    job.taken();
    try {
      this.#link!.post(job.request, job.transfer);
    } catch (error) {
      // memory that cannot be given away
      this.#jobs.delete(job.request.id);
      job.left();
      job.failed(error instanceof Error ? error : new TypeError(String(error)));
    }
  }

  #ended(reason: Error): void {
    void this.#link?.end();
    this.#link = undefined;
    this.#isReady = false;
    this.#room = 1;
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
    const [taken, own] = [[...this.#jobs.values()], this.#own.splice(0)];
    this.#jobs.clear();
    for (const job of taken) job.left();
    for (const job of [...taken, ...own]) job.failed(reason);
  }
}
