// The life of one inference on the device: compute up to the cut, hand over, and have an answer in time whatever happens to the
// rest. It ends once, with the first answer that counts.

import { SpinnError } from "../errors.ts";
import type { ExitAnswer, Payload } from "../wire/message.ts";
import type { Clock } from "./clock.ts";
import type { Answered, Compute, ComputeTimes, Paused } from "./compute.ts";
import type { DeviceImage, PrepareInput } from "./device-input.ts";
import { codingOf, cutOf, type Plan } from "./device-plan.ts";
import type { FallbackReason, InferenceResult, Timings } from "./device-result.ts";
import type { RemoteAnswer, RemoteOutcome, RemoteRun, RemoteRuns } from "./device-runs.ts";
import { DeviceTrace } from "./device-trace.ts";
import type { OnSpan } from "./span.ts";

/** What the device does about an image that it has handed over. */
export type ContinueLocally =
  /** Nothing: without the server's answer the best exit so far answers. Where none was passed, it computes after all. */
  | "never"
  /** Goes on when the server fails, or when that is the last moment to be done by the deadline. */
  | "on-failure"
  /**
   * Goes on at once; the first side to be done wins, the other is stopped. Done is who has a sure exit or the end of the network: to
   * wait for the other's end as well would take time, and both compute the same.
   */
  | "hedge";

export interface InferOptions {
  readonly signal?: AbortSignal;
  /** Answer within so many milliseconds, as well as is possible by then. @default the engine's `defaultDeadlineMs` */
  readonly deadlineMs?: number;
  /** For this image. @default the engine's plan */
  readonly plan?: Plan;
  /** @default false */
  readonly wantsLogits?: boolean;
  /** Is it there to measure link and server? Then no figure counts it and no event tells of it. @default false */
  readonly isProbe?: boolean;
}

/** What inferences share. */
export interface Surroundings {
  readonly compute: Compute;
  /** Absent: there never is a server. */
  readonly runs?: RemoteRuns;
  readonly prepare: PrepareInput;
  readonly continueLocally: ContinueLocally;
  /** Longest wait for a server that is there but does not answer, when there is no deadline. */
  readonly answerTimeoutMs: number;
  readonly clock: Clock;
  /** How much earlier than a deadline to act on it, as timers are late; hears how late one was. */
  readonly margin: { readonly ms: number; late(ms: number): void };
  /** Cautious guess how long the device needs from a cut to the end; undefined when nothing is known. */
  remainingMs(cut: string): number | undefined;
  /** Hears of each inference's spans; absent: nothing is traced. */
  readonly onSpan?: OnSpan;
  /** Hears of everything the device has computed. */
  computed(times: ComputeTimes): void;
}

export class Inference {
  readonly result: Promise<InferenceResult>;
  readonly #around: Surroundings;
  readonly #image: DeviceImage;
  readonly #plan: Plan;
  readonly #options: InferOptions;
  readonly #startedAtMs: number;
  readonly #deadlineAtMs: number | undefined;
  /** Stops the device's compute. */
  readonly #local = new AbortController();
  readonly #cleanups: (() => void)[] = [];
  readonly #trace: DeviceTrace | undefined;
  readonly #times: { -readonly [K in keyof Timings]: number };
  #resolve!: (result: InferenceResult) => void;
  #reject!: (error: unknown) => void;
  #isDone = false;
  #best: ExitAnswer | undefined;
  /** What the device's exits said, by their number. */
  readonly #said = new Map<number, ExitAnswer>();
  #reason: FallbackReason | undefined;
  #paused: Paused | undefined;
  #isResumed = false;
  /** Why the device could not go on. */
  #localError: unknown;
  #awaitsServer = false;
  #run: RemoteRun | undefined;

  constructor(around: Surroundings, image: DeviceImage, plan: Plan, options: InferOptions) {
    this.#around = around;
    this.#image = image;
    this.#plan = sendable(plan, image);
    this.#options = options;
    this.#startedAtMs = around.clock.now();
    this.#trace = around.onSpan && new DeviceTrace(around.onSpan, around.clock, around.compute.network);
    this.#deadlineAtMs = options.deadlineMs === undefined ? undefined : this.#startedAtMs + options.deadlineMs;
    this.#times = {
      totalMs: 0,
      prepareMs: 0,
      deviceQueueMs: 0,
      deviceMs: 0,
      packMs: 0,
      sendQueueMs: 0,
      serverQueueMs: 0,
      serverMs: 0,
      networkMs: 0,
    };
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#listenToSignal(options.signal);
    if (this.#deadlineAtMs !== undefined) this.#atDeadline(this.#deadlineAtMs - around.margin.ms);
    this.#begin().catch((error: unknown) => this.#fail(error));
  }

  /** Stops; without effect when there is an answer already. */
  abort(why: string): void {
    this.#fail(new SpinnError("Aborted", why));
  }

  async #begin(): Promise<void> {
    const { runs } = this.#around;
    if (this.#plan.codec === "image" && runs?.link.server) {
      return this.#handOver({ kind: "image", bytes: this.#image as Uint8Array });
    }
    const here = this.#whereToStop();
    if (here !== this.#plan.cut) this.#reason = "no-connection";
    const outcome = await this.#compute(here);
    if (this.#isDone) {
      if (outcome?.kind === "paused") outcome.drop();
    } else if (outcome?.kind === "answered") {
      this.#answerLocally(outcome);
    } else if (outcome) {
      this.#paused = outcome;
      this.#best = outcome.best ?? this.#best;
      this.#times.packMs += outcome.times.packMs;
      this.#handOver({ kind: "packet", bytes: outcome.packet });
    }
  }

  /** The plan's cut, or the end of the network when there is nobody to hand over to and the device may go on. */
  #whereToStop(): string {
    const { runs, continueLocally, compute } = this.#around;
    const { cut } = this.#plan;
    if (cut === "none" || runs?.link.server) return cut;
    const answersAnyway = continueLocally === "never" && cutOf(compute.network, cut).exitsBefore > 0;
    return answersAnyway ? cut : "none";
  }

  /** From the image to a cut; undefined when it is over before it has begun. */
  async #compute(cut: string): Promise<Answered | Paused | undefined> {
    const { compute, clock, prepare, computed } = this.#around;
    const preparedFromMs = clock.now();
    const preparing = this.#trace?.begin("prepare");
    const values = await prepare(this.#image);
    preparing?.end();
    if (this.#isDone) return undefined;
    this.#times.prepareMs = clock.now() - preparedFromMs;
    const { thresholds } = this.#plan;
    const task = {
      start: { kind: "input", values } as const,
      cut,
      thresholds,
      coding: codingOf(this.#plan),
      wantsLogits: this.#options.wantsLogits ?? false,
    };
    const computing = this.#trace?.begin("compute");
    const outcome = await compute.start(task, this.#local.signal, this.#onBest);
    computing?.end();
    computed(outcome.times);
    this.#count(outcome.times);
    return outcome;
  }

  #handOver(payload: Payload): void {
    const { runs, clock, answerTimeoutMs, continueLocally } = this.#around;
    if (!runs) {
      this.#fallBack("no-connection");
      return;
    }
    const { cut, thresholds } = this.#plan;
    const best = this.#best;
    this.#awaitsServer = true;
    if (continueLocally === "hedge") this.#goOn();
    if (this.#deadlineAtMs === undefined) {
      this.#cleanups.push(clock.setTimer(() => this.#giveUpServer("deadline"), answerTimeoutMs));
    } else this.#atLastMoment(this.#deadlineAtMs, cut);
    const offloading = this.#trace?.begin("offload");
    const run = runs.start({
      message: {
        plan: { cut, thresholds, ...codingOf(this.#plan) },
        payload,
        wantsLogits: this.#options.wantsLogits ?? false,
        ...(best && { best }),
        ...(offloading && { trace: offloading.context }),
      },
      exitsBefore: cutOf(this.#around.compute.network, cut).exitsBefore,
      ...(this.#deadlineAtMs !== undefined && { deadlineAtMs: this.#deadlineAtMs }),
      done: (outcome) => {
        offloading?.end(outcome.kind === "failed" ? outcome.reason : undefined);
        this.#onRemote(outcome);
      },
    });
    this.#run = run;
    if (this.#isDone) run.cancel();
  }

  #onRemote(outcome: RemoteOutcome): void {
    this.#awaitsServer = false;
    if (outcome.kind === "failed") this.#fallBack(outcome.reason);
    else this.#answerRemotely(outcome);
  }

  #giveUpServer(reason: FallbackReason): void {
    if (!this.#awaitsServer) return;
    this.#awaitsServer = false;
    this.#run?.cancel();
    this.#fallBack(reason);
  }

  /** The server has failed: answer from here. */
  #fallBack(reason: FallbackReason): void {
    if (this.#isDone) return;
    this.#reason = reason;
    if (this.#localError !== undefined) this.#withoutEither();
    else if (this.#mayGoOn()) this.#goOn();
    else this.#settle(this.#best!, "device");
  }

  #mayGoOn(): boolean {
    return this.#around.continueLocally !== "never" || this.#best === undefined;
  }

  /** Computes the rest here. When the server is still awaited, the first of both wins. */
  #goOn(): void {
    if (this.#isResumed || this.#isDone) return;
    this.#isResumed = true;
    this.#rest().then(
      (outcome) => outcome && this.#answerLocally(outcome),
      (error: unknown) => this.#localFailed(error),
    );
  }

  async #rest(): Promise<Answered | undefined> {
    if (!this.#paused) {
      const outcome = await this.#compute("none");
      return outcome?.kind === "answered" ? outcome : undefined;
    }
    const computing = this.#trace?.begin("compute");
    const outcome = await this.#paused.resume(this.#local.signal, this.#onBest);
    computing?.end();
    this.#around.computed(outcome.times);
    this.#count(outcome.times);
    return outcome;
  }

  /** The device cannot go on; the server may still answer. */
  #localFailed(error: unknown): void {
    this.#localError = error;
    if (!this.#awaitsServer) this.#withoutEither();
  }

  /** Nobody goes on: an exit that was passed answers. */
  #withoutEither(): void {
    if (this.#best) this.#settle(this.#best, "device");
    else this.#fail(this.#localError);
  }

  readonly #onBest = (best: ExitAnswer): void => {
    this.#best = best;
    this.#said.set(best.exit, best);
  };

  #count(times: ComputeTimes): void {
    if (this.#isDone) return;
    this.#times.deviceQueueMs += times.queueMs;
    for (const { ms, exit } of times.slices) {
      this.#times.deviceMs += ms;
      if (exit) this.#said.set(exit.exit, exit);
    }
  }

  /** The device begins to compute the rest when it must, to be done in time; the server may still come first. */
  #atLastMoment(deadlineAtMs: number, cut: string): void {
    if (!this.#mayGoOn() || this.#isResumed) return;
    const { clock, margin, remainingMs } = this.#around;
    const leftMs = deadlineAtMs - margin.ms - clock.now();
    const waitMs = leftMs - (remainingMs(cut) ?? leftMs / 2);
    const run = (): void => {
      this.#reason ??= "deadline";
      this.#goOn();
    };
    this.#cleanups.push(clock.setTimer(run, Math.max(0, waitMs)));
  }

  #atDeadline(atMs: number): void {
    const { clock, margin } = this.#around;
    const act = (): void => {
      const nowMs = clock.now();
      margin.late(nowMs - atMs);
      this.#reason ??= "deadline";
      if (this.#best) this.#settle(this.#best, "device");
      else if (nowMs < this.#deadlineAtMs!) this.#atDeadline(this.#deadlineAtMs!);
      else {
        const late = `No exit was passed within ${this.#options.deadlineMs} ms`;
        this.#fail(
          new SpinnError("Deadline", late, { hint: "Allow more time, or choose a plan with an earlier exit" }),
        );
      }
    };
    this.#cleanups.push(clock.setTimer(act, Math.max(0, atMs - clock.now())));
  }

  #listenToSignal(signal: AbortSignal | undefined): void {
    if (!signal) return;
    const stop = (): void => this.abort("The inference was stopped");
    signal.addEventListener("abort", stop, { once: true });
    this.#cleanups.push(() => signal.removeEventListener("abort", stop));
  }

  #answerLocally({ answer, confident, logits }: Answered): void {
    // An exit before the cut that is sure would have answered with a server as well.
    const asPlanned = confident && answer.exit < cutOf(this.#around.compute.network, this.#plan.cut).exitsBefore;
    if (asPlanned) this.#reason = undefined;
    this.#settle(answer, "device", logits);
  }

  #answerRemotely({ result, elapsedMs, sendQueueMs }: RemoteAnswer): void {
    if (this.#isDone) return;
    const times = this.#times;
    times.sendQueueMs = sendQueueMs;
    times.serverQueueMs = result.queueMs;
    times.serverMs = result.computeMs;
    times.networkMs = Math.max(0, elapsedMs - result.queueMs - result.computeMs);
    this.#reason = undefined;
    this.#settle(result, "server", result.logits);
  }

  #settle({ exit, label, confidence }: ExitAnswer, source: "device" | "server", logits?: Float32Array): void {
    if (this.#isDone) return;
    const { clock, compute } = this.#around;
    const { labels, exits } = compute.network;
    this.#times.totalMs = clock.now() - this.#startedAtMs;
    this.#finish();
    const nameOf = (classIndex: number): string => labels?.[classIndex] ?? String(classIndex);
    const said = [...this.#said.values()].sort((a, b) => a.exit - b.exit);
    const result: InferenceResult = {
      label: nameOf(label),
      classIndex: label,
      confidence,
      exit,
      exitName: exits[exit]!.name,
      deviceExits: said.map(({ label: classIndex, ...one }) => ({ ...one, classIndex, label: nameOf(classIndex) })),
      source,
      ...(logits && { logits }),
      timings: this.#times,
      bytesUp: this.#run?.bytesSent ?? 0,
      plan: this.#plan,
      ...(this.#reason !== undefined && { fallbackReason: this.#reason }),
    };
    this.#trace?.end(result);
    this.#resolve(result);
  }

  #fail(error: unknown): void {
    if (this.#isDone) return;
    this.#finish();
    this.#trace?.end({ error });
    this.#reject(error);
  }

  /** Frees whatever still works for it. */
  #finish(): void {
    this.#isDone = true;
    for (const clean of this.#cleanups) clean();
    if (this.#awaitsServer) this.#run?.cancel();
    this.#awaitsServer = false;
    this.#local.abort();
    if (!this.#isResumed) this.#paused?.drop();
  }
}

/** An image that is not encoded cannot travel as one. */
function sendable(plan: Plan, image: DeviceImage): Plan {
  return plan.codec === "image" && !(image instanceof Uint8Array) ? { ...plan, ...codingOf(plan) } : plan;
}
