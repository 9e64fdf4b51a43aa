// A pool's other end, in the worker, for servers: requests of any client at any cut go through the network together where that pays.
// They meet at the exits; whoever is done leaves, the rest goes on with whoever waits there.

import { startOf } from "../engine/check-task.ts";
import type { SliceTime } from "../engine/compute.ts";
import { type HostPlatform, hostCompute } from "../engine/compute-host.ts";
import type { ComputeRequest, JobRequest } from "../engine/compute-protocol.ts";
import { deadlinePassed } from "../engine/deadline-passed.ts";
import type { NetworkInfo } from "../engine/network-info.ts";
import { answered, type Candidate, enter, judge, saidBy } from "../engine/run-task.ts";
import type { SlicedNetwork } from "../engine/sliced-network.ts";
import { Slowdown } from "../engine/slowdown.ts";
import { type Step, stepsBetween } from "../engine/steps.ts";
import { SpinnError } from "../errors.ts";
import { packError } from "../portable-error.ts";
import { joinRows, type Row, rowsOf } from "./batch-state.ts";
import { canBatch } from "./can-batch.ts";
import { CostCurve } from "./cost-curve.ts";
import { planBatch, type Waiting } from "./plan-batch.ts";
import { ReusedMemory } from "./reused-memory.ts";

export interface BatchingOptions {
  /** Images that a slice takes at once at most; fewer where more do not pay. @default 32 */
  readonly maxBatch?: number;
  /** So long a request may stand still for others to catch up with it. @default 25 */
  readonly maxWaitMs?: number;
}

type StartRequest = Extract<JobRequest, { readonly kind: "start" }>;

/** A request on its way through the network. */
interface Member {
  readonly request: StartRequest;
  readonly arrivedMs: number;
  readonly deadlineAtMs: number;
  /** Absent until it was unpacked. */
  row?: Row;
  cut: string;
  /** What is left to do: from exit to exit, of those that it asks. */
  path: readonly Step[];
  sinceMs: number;
  best?: Candidate;
  unpackMs: number;
  readonly slices: SliceTime[];
}

interface Place {
  readonly index: number;
  readonly next: Step;
}

/** Of a new observation in a moving average. */
const WEIGHT = 0.1;

/**
 * Like `hostCompute`, for many tasks at a time; tells the pool how many. Tasks that hand over on the way, and what is left of them,
 * are done one at a time beside.
 *
 * @returns what to do with each request
 */
export async function hostBatches(
  network: SlicedNetwork,
  platform: HostPlatform,
  { maxBatch = 32, maxWaitMs = 25 }: BatchingOptions = {},
): Promise<(request: ComputeRequest) => void> {
  const size = maxBatch > 1 && (await canBatch(network)) ? maxBatch : 1;
  const single = hostCompute(network, platform);
  const batches = new BatchHost(network, platform, { maxBatch: size, maxWaitMs });
  return (request) => {
    if (request.kind === "start" && request.task.cut === "none") batches.add(request);
    else single(request);
    if (request.kind === "cancel") batches.cancel(request.id);
    else if (request.kind === "slowdown") batches.slowdown = request.factor;
  };
}

class BatchHost {
  readonly #network: SlicedNetwork;
  readonly #platform: HostPlatform;
  readonly #options: Required<BatchingOptions>;
  readonly #slowdown: Slowdown;
  readonly #places: ReadonlyMap<string, Place>;
  /** In the order of their arrival. */
  readonly #members = new Map<number, Member>();
  readonly #curves = new Map<string, CostCurve>();
  /** What is usually left to do behind a cut, for one. */
  readonly #needMs = new Map<string, number>();
  readonly #memory = new ReusedMemory();
  #wave: ReadonlySet<number> = new Set();
  #room = 1;
  #isRunning = false;

  constructor(network: SlicedNetwork, platform: HostPlatform, options: Required<BatchingOptions>) {
    this.#network = network;
    this.#platform = platform;
    this.#options = options;
    this.#slowdown = new Slowdown(platform);
    this.#places = placesOf(network.info);
    this.#tellRoom();
  }

  set slowdown(factor: number) {
    this.#slowdown.factor = factor;
  }

  add(request: StartRequest): void {
    const { id, task } = request;
    const nowMs = this.#platform.now();
    const cut = startOf(task.start);
    this.#members.set(id, {
      request,
      arrivedMs: nowMs,
      deadlineAtMs: nowMs + (task.deadlineMs ?? Number.POSITIVE_INFINITY),
      cut,
      path: stepsBetween(this.#network.info, cut, "none", task.thresholds),
      sinceMs: nowMs,
      ...(task.best && { best: { answer: task.best } }),
      unpackMs: 0,
      slices: [],
    });
    if (!this.#isRunning) void this.#run();
  }

  cancel(id: number): void {
    const member = this.#members.get(id);
    if (member) this.#fail(member, new SpinnError("Aborted", "The task was aborted"));
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#members.size > 0) {
      await this.#platform.breathe();
      const nowMs = this.#platform.now();
      for (const member of this.#members.values())
        if (member.deadlineAtMs <= nowMs) this.#fail(member, deadlinePassed());
      if (this.#members.size > 0) await this.#next(nowMs);
    }
    this.#isRunning = false;
  }

  async #next(nowMs: number): Promise<void> {
    const { maxWaitMs } = this.#options;
    const all = [...this.#members.values()];
    // alone, or where company does not pay, there is no reason to stop on the way to the next exit
    const isShared =
      all.length > 1 && all.some((one) => this.#size(sliceOf(one.cut, one.row, this.#sharedStep(one))) > 1);
    const stepOf = (member: Member): Step => (isShared ? this.#sharedStep(member) : member.path[0]!);
    const waiting = all.map((member): Waiting => {
      const { request, cut, row, sinceMs, deadlineAtMs } = member;
      const needMs = this.#needMs.get(cut) ?? 0;
      const slice = sliceOf(cut, row, stepOf(member));
      const { id, yields = false } = request;
      return { id, at: this.#places.get(cut)!.index, slice, sinceMs, deadlineAtMs, needMs, yields };
    });
    const plan = planBatch(waiting, this.#wave, { maxWaitMs, size: (slice) => this.#size(slice) }, nowMs);
    this.#wave = plan.wave;
    const batch = plan.batch.map((id) => this.#members.get(id)!);
    for (const member of batch) await this.#enter(member);
    // some may have been malformed, or cancelled meanwhile
    await this.#advance(
      batch.filter((member) => this.#isHere(member)),
      stepOf,
    );
  }

  async #enter(member: Member): Promise<void> {
    if (member.row) return;
    const { start } = member.request.task;
    try {
      // what is unpacked lies in memory that is kept: not to be done twice
      const { value: state, ms } = await this.#slowdown.perform(
        `enter ${member.cut}`,
        () => enter(this.#network.info, start, this.#platform, this.#memory),
        { isRepeatable: false },
      );
      if (this.#isHere(member)) this.#place(member, rowsOf(state, 1)[0]!);
      member.unpackMs = ms;
    } catch (error) {
      this.#fail(member, error);
    } finally {
      this.#memory.settle();
    }
  }

  /** Runs one slice for all of them. */
  async #advance(batch: readonly Member[], stepOf: (member: Member) => Step): Promise<void> {
    const [first] = batch;
    if (!first) return;
    const steps = batch.map(stepOf);
    // of one that nobody asks there is no need to compute the head
    const step = steps.find(({ exit }) => exit !== undefined) ?? steps[0]!;
    const from = this.#platform.now();
    const joined = joinRows(
      batch.map(({ row }) => row!),
      this.#memory,
    );
    this.#memory.hold(joined.tensors);
    let isTogether = true;
    try {
      const what = `${batch.length} ${step.from} > ${step.to}`;
      const { value } = await this.#slowdown.perform(what, () => this.#network.run(joined, step, false));
      const { state, logits } = value;
      const ms = this.#platform.now() - from;
      this.#observe(sliceOf(first.cut, first.row, step), batch.length, ms);
      const rows = rowsOf(state, batch.length);
      const slice = { from: step.from, to: step.to, ms, ...(batch.length > 1 && { batch: batch.length }) };
      for (const [i, member] of batch.entries())
        if (this.#isHere(member)) this.#arrive(member, steps[i]!, slice, rows[i]!, logits);
    } catch (error) {
      if (batch.length === 1) this.#fail(first, error);
      isTogether = false;
    } finally {
      this.#memory.letGo(joined.tensors);
      this.#memory.settle();
    }
    // one's values may be what the others failed with
    if (!isTogether && batch.length > 1)
      for (const member of batch) if (this.#isHere(member)) await this.#advance([member], stepOf);
  }

  /** What it had before is not needed any more. */
  #place(member: Member, row: Row): void {
    this.#memory.hold(row.state.tensors);
    if (member.row) this.#memory.letGo(member.row.state.tensors);
    member.row = row;
  }

  /** At the end of a step: does the exit there end it? */
  #arrive(
    member: Member,
    { to, exit }: Step,
    slice: Omit<SliceTime, "exit">,
    row: Row,
    logits: Float32Array | undefined,
  ): void {
    const { task, id, tellsBest } = member.request;
    this.#place(member, row);
    member.cut = to;
    member.sinceMs = this.#platform.now();
    if (exit === undefined) member.slices.push(slice);
    else {
      const own = logits!.length / row.of;
      const verdict = judge(
        this.#network.info,
        exit,
        logits!.slice(row.index * own, (row.index + 1) * own),
        task.thresholds,
        member.best,
      );
      member.slices.push({ ...slice, ...saidBy(verdict) });
      if (verdict.kind === "confident") {
        this.#finish(member, verdict.candidate);
        return;
      }
      if (verdict.kind === "best") {
        member.best = verdict.candidate;
        if (tellsBest) this.#platform.post({ kind: "best", id, best: member.best.answer }, []);
      }
    }
    if (to === "none") this.#finish(member, undefined);
    else if (member.path[0]!.to === to) member.path = member.path.slice(1);
    // stopped where it asks nothing
    else member.path = stepsBetween(this.#network.info, to, "none", task.thresholds);
  }

  #finish(member: Member, confident: Candidate | undefined): void {
    const { request, slices, unpackMs, arrivedMs, best } = member;
    const { id, task } = request;
    const computedMs = slices.reduce((sum, { ms }) => sum + ms, unpackMs);
    const waitMs = Math.max(0, this.#platform.now() - arrivedMs - computedMs);
    const progress = { wantsLogits: task.wantsLogits ?? false, ...(best && { best }) };
    try {
      const outcome = answered(progress, confident, { slices, unpackMs, packMs: 0, waitMs }, task.start);
      this.#learn(slices);
      this.#leave(id);
      this.#platform.post({ ...outcome, id }, []);
    } catch (error) {
      this.#fail(member, error);
    }
  }

  #fail({ request: { id } }: Member, error: unknown): void {
    if (this.#leave(id)) this.#platform.post({ kind: "failed", id, error: packError(error) }, []);
  }

  #leave(id: number): boolean {
    const row = this.#members.get(id)?.row;
    if (row) this.#memory.letGo(row.state.tensors);
    return this.#members.delete(id);
  }

  #isHere(member: Member): boolean {
    return this.#members.get(member.request.id) === member;
  }

  /** To the next place where others may be met. */
  #sharedStep({ cut, path }: Member): Step {
    const [own] = path;
    const { next } = this.#places.get(cut)!;
    return own!.to === next.to ? own! : next;
  }

  #size(slice: string): number {
    return this.#curves.get(slice)?.size ?? 1;
  }

  #observe(slice: string, size: number, ms: number): void {
    let curve = this.#curves.get(slice);
    if (!curve) {
      curve = new CostCurve(this.#options.maxBatch);
      this.#curves.set(slice, curve);
    }
    curve.observe(size, ms);
    this.#tellRoom();
  }

  /** Asks for as many tasks as make two batches: one runs, and the next is at hand. */
  #tellRoom(): void {
    const largest = Math.max(1, ...Array.from(this.#curves.values(), ({ size }) => size));
    const jobs = 2 * largest;
    if (jobs === this.#room) return;
    this.#room = jobs;
    this.#platform.post({ kind: "room", jobs }, []);
  }

  #learn(slices: readonly SliceTime[]): void {
    let leftMs = 0;
    for (const { from, ms, batch = 1 } of slices.toReversed()) {
      leftMs += ms / batch;
      const before = this.#needMs.get(from) ?? leftMs;
      this.#needMs.set(from, before + WEIGHT * (leftMs - before));
    }
  }
}

/** Where each cut is in the network, and the way from there to the next exit, which it does not ask. */
function placesOf(info: NetworkInfo): Map<string, Place> {
  const all = info.exits.map(() => 0);
  return new Map(
    info.cuts.slice(0, -1).map(({ id }, index) => {
      const [{ to }] = stepsBetween(info, id, "none", all) as [Step];
      return [id, { index, next: { from: id, to } }];
    }),
  );
}

/** What runs together: the same piece of the network from states of the same layout. */
function sliceOf(cut: string, row: Row | undefined, { to }: Step): string {
  return `${cut} ${row?.state.portable ?? true} ${to}`;
}
