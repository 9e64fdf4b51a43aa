// A pool's other end, in the worker: does one job after the other on its own sliced network and keeps the states of paused
// tasks. What is special to Node or a page comes in as `HostPlatform`.

import { SpinnError } from "../errors.ts";
import type { Pixels } from "../image/pixels.ts";
import { packError } from "../portable-error.ts";
import { startOf } from "./check-task.ts";
import type { ComputeReply, ComputeRequest, JobReply, JobRequest } from "./compute-protocol.ts";
import { type Progress, resumeTask, runTask, type TaskControl } from "./run-task.ts";
import type { SlicedNetwork } from "./sliced-network.ts";
import { Slowdown } from "./slowdown.ts";
import { type Step, stepsBetween } from "./steps.ts";

export interface HostPlatform {
  post(reply: ComputeReply, transfer: ArrayBuffer[]): void;
  /** Milliseconds, from whenever. */
  now(): number;
  sleep(ms: number): void | Promise<void>;
  /** Lets messages in that have come meanwhile; asked before every slice. */
  breathe(): Promise<void>;
  /** Bounded in pixels. @throws {SpinnError} InvalidData */
  decodeImage?(bytes: Uint8Array): Promise<Pixels>;
}

/** @returns what to do with each request; all that it has to say, it posts */
export function hostCompute(network: SlicedNetwork, platform: HostPlatform): (request: ComputeRequest) => void {
  const host = new Host(network, platform);
  platform.post({ kind: "ready", network: network.info }, []);
  return (request) => host.take(request);
}

class Host {
  readonly #network: SlicedNetwork;
  readonly #platform: HostPlatform;
  readonly #slowdown: Slowdown;
  readonly #states = new Map<number, Progress>();
  /** Plans whose sessions are there. */
  readonly #prepared = new Set<string>();
  #cancelled = 0;

  constructor(network: SlicedNetwork, platform: HostPlatform) {
    this.#network = network;
    this.#platform = platform;
    this.#slowdown = new Slowdown(platform);
  }

  take(request: ComputeRequest): void {
    switch (request.kind) {
      case "cancel":
        this.#cancelled = request.id;
        break;
      case "drop":
        this.#states.delete(request.state);
        break;
      case "slowdown":
        this.#slowdown.factor = request.factor;
        break;
      default:
        void this.#do(request);
    }
  }

  async #do(job: JobRequest): Promise<void> {
    let reply: JobReply;
    try {
      reply = await this.#reply(job);
    } catch (error) {
      reply = { kind: "failed", id: job.id, error: packError(error) };
    }
    this.#platform.post(reply, reply.kind === "paused" ? [reply.packet.buffer as ArrayBuffer] : []);
  }

  async #reply(job: JobRequest): Promise<JobReply> {
    const { id } = job;
    if (job.kind === "prepare") {
      await this.#prepare(job.steps);
      return { kind: "prepared", id };
    }
    const { info } = this.#network;
    const control = this.#control(job);
    if (job.kind === "resume") {
      const paused = this.#states.get(job.state);
      if (!paused) throw new SpinnError("Runtime", `There is no state ${job.state} to go on from`);
      this.#states.delete(job.state);
      await this.#prepare(stepsBetween(info, paused.state.cut, "none", paused.thresholds));
      return { ...(await resumeTask(this.#network, paused, control)), id };
    }
    const { start, cut, thresholds } = job.task;
    await this.#prepare(stepsBetween(info, startOf(start), cut, thresholds));
    const outcome = await runTask(this.#network, job.task, control);
    if (outcome.kind === "answered") return { ...outcome, id };
    const { progress, ...paused } = outcome;
    this.#states.set(id, progress);
    return { ...paused, id };
  }

  /** Before the clock starts: making sessions is no part of a slice's time, and not slowed down. */
  async #prepare(steps: readonly Step[]): Promise<void> {
    const plan = JSON.stringify(steps);
    if (this.#prepared.has(plan)) return;
    await this.#network.prepare(steps);
    this.#prepared.add(plan);
  }

  #control({ id, tellsBest }: { readonly id: number; readonly tellsBest: boolean }): TaskControl {
    const { now, breathe, post, decodeImage } = this.#platform;
    return {
      now,
      checkpoint: async () => {
        await breathe();
        if (this.#cancelled === id) throw new SpinnError("Aborted", "The task was aborted");
      },
      perform: (what, work) => this.#slowdown.perform(what, work),
      ...(tellsBest && { onBest: (best) => post({ kind: "best", id, best }, []) }),
      ...(decodeImage && { decodeImage }),
    };
  }
}
