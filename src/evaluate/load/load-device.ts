// One emulated device: sends samples at its own pace, answers for itself when the server does not in time, and keeps count.

import { BusyPause } from "../../engine/busy-pause.ts";
import { messageOf } from "../../errors.ts";
import { createRng, type Rng } from "../../random.ts";
import type { Connection, ConnectionHandlers, Dial } from "../../transport/index.ts";
import {
  decodeMessage,
  encodeMessage,
  type Hello,
  type Message,
  type RefuseCode,
  type Result,
} from "../../wire/index.ts";
import { whatIsWrong } from "./expected-answer.ts";
import type { LoadCounts, LoadDevice, Sample } from "./load-plan.ts";

/** A sample as this device sends it. */
export interface Shot {
  readonly sample: Sample;
  readonly best?: { readonly exit: number; readonly label: number; readonly confidence: number };
}

/** A request without an answer. */
interface Open {
  readonly sample: Sample;
  readonly sentMs: number;
  readonly isCounted: boolean;
  readonly timer: ReturnType<typeof setTimeout> | undefined;
}

/** An answer is late when it comes so long after its deadline. */
const GRACE_MS = 20;
/** After a refusal the device waits before it asks again, half to one and a half times as long. */
const PAUSE_MS = 20;
const RECONNECT_MS = 200;
const MAX_MESSAGE_BYTES = 2 ** 20;
const PROBLEMS_KEPT = 5;

export class EmulatedLoadDevice implements ConnectionHandlers {
  readonly #plan: LoadDevice;
  readonly #shots: readonly Shot[];
  readonly #dial: Dial;
  readonly #modelHash: Uint8Array;
  readonly #rng: Rng;
  readonly #open = new Map<number, Open>();
  readonly #pause: BusyPause;
  #connection: Connection | undefined;
  #greeted: ((problem?: Error) => void) | undefined;
  #maxInFlight = 1;
  #lastId = 0;
  #turn: number;
  #isDialling = false;
  #endMs = 0;
  #countFromMs = 0;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #counts = emptyCounts();

  /** @param shots at least one */
  constructor(plan: LoadDevice, shots: readonly Shot[], dial: Dial, modelHash: Uint8Array) {
    this.#plan = plan;
    this.#shots = shots;
    this.#dial = dial;
    this.#modelHash = modelHash;
    this.#rng = createRng(plan.seed);
    this.#pause = new BusyPause(this.#rng);
    this.#turn = Math.floor(this.#rng() * shots.length);
  }

  /** Dials and exchanges hellos. @throws {SpinnError} Connection */
  async connect(): Promise<void> {
    const greeted = new Promise<void>((resolve, reject) => {
      this.#greeted = (problem) => (problem ? reject(problem) : resolve());
    });
    greeted.catch(() => undefined); // met below, unless dialling fails
    this.#connection = await this.#dial(this, { maxMessageBytes: MAX_MESSAGE_BYTES });
    const limits = { maxMessageBytes: MAX_MESSAGE_BYTES, maxTensorBytes: MAX_MESSAGE_BYTES, maxInFlight: 1 };
    const hello: Hello = { kind: "hello", role: "device", modelHash: this.#modelHash, limits, agent: "spinn load" };
    this.#connection.send(encodeMessage(hello));
    await greeted;
  }

  /** Asks for so long, then waits for what is open. @returns what came of it, without what began in the warm-up */
  async run(seconds: number, warmUpMs: number): Promise<LoadCounts> {
    const { pace, deadlineMs = 10_000 } = this.#plan;
    this.#counts = emptyCounts();
    this.#countFromMs = performance.now() + warmUpMs;
    this.#endMs = this.#countFromMs + seconds * 1000;
    this.#reconnect(); // the connection may have been lost since the last run
    if (pace.kind === "open") this.#after(this.#gapMs(pace.perSecond), () => this.#keepPace(pace.perSecond));
    // not all at the same moment
    else for (let i = 0; i < pace.inFlight; i++) this.#after(this.#rng() * PAUSE_MS, () => this.#ask());
    await sleep(warmUpMs + seconds * 1000);
    const patienceMs = performance.now() + deadlineMs + 1000;
    while (this.#open.size > 0 && performance.now() < patienceMs) await sleep(10);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const [id, open] of this.#open) {
      this.#settle(id);
      if (open.isCounted) this.#counts.lost++;
    }
    return this.#counts;
  }

  close(): void {
    this.#endMs = 0;
    this.#connection?.close();
  }

  message(bytes: Uint8Array): void {
    const message: Message = decodeMessage(bytes);
    if (message.kind === "hello") {
      this.#maxInFlight = message.limits.maxInFlight;
      this.#greeted?.();
    } else if (message.kind === "result") this.#answered(message);
    else if (message.kind === "refuse" && message.id !== 0) this.#refused(message.id, message.code);
    else if (message.kind === "refuse") this.#problem(`the server refused the connection: ${message.reason}`);
  }

  closed(reason: string): void {
    this.#connection = undefined;
    this.#greeted?.(new Error(reason));
    for (const id of [...this.#open.keys()]) this.#own(id);
    if (performance.now() < this.#endMs) this.#after(RECONNECT_MS, () => this.#reconnect());
  }

  #reconnect(): void {
    if (this.#isDialling || this.#connection) return;
    this.#isDialling = true;
    this.connect()
      .finally(() => {
        this.#isDialling = false;
      })
      .catch((error) => {
        this.#problem(messageOf(error));
        this.#after(RECONNECT_MS, () => this.#reconnect());
      });
  }

  #keepPace(perSecond: number): void {
    this.#ask();
    this.#after(this.#gapMs(perSecond), () => this.#keepPace(perSecond));
  }

  /** Until the next request, exponentially distributed. */
  #gapMs(perSecond: number): number {
    return (-Math.log(1 - this.#rng()) * 1000) / perSecond;
  }

  #ask(): void {
    const nowMs = performance.now();
    const { thresholds, deadlineMs, pace } = this.#plan;
    const isCounted = nowMs >= this.#countFromMs;
    if (isCounted) this.#counts.requests++;
    if (!this.#connection || this.#open.size >= this.#maxInFlight || this.#pause.at(nowMs)) {
      if (isCounted) this.#counts.own++;
      if (pace.kind === "closed") this.#askAgain();
      return;
    }
    const { sample, best } = this.#shots[this.#turn++ % this.#shots.length]!;
    const id = ++this.#lastId;
    const { cut, codec, bits, bytes } = sample;
    this.#connection.send(
      encodeMessage({
        kind: "run",
        id,
        plan: { cut, thresholds, codec, bits },
        ...(deadlineMs !== undefined && { deadlineMs }),
        ...(best && { best }),
        wantsLogits: false,
        payload: { kind: "packet", bytes },
      }),
    );
    const timer = deadlineMs === undefined ? undefined : setTimeout(() => this.#own(id), deadlineMs);
    this.#open.set(id, { sample, sentMs: nowMs, isCounted, timer });
  }

  #answered(result: Result): void {
    const open = this.#settle(result.id);
    this.#pause.answered();
    if (!open) return; // too late: the device has answered for itself
    if (open.isCounted) {
      const latencyMs = this.#noteLatency(open);
      this.#counts.answered++;
      this.#counts.latenciesMs.push(latencyMs);
      const wrong = whatIsWrong(open.sample, this.#plan.thresholds, result);
      if (wrong !== undefined) {
        this.#counts.wrong++;
        this.#problem(`${open.sample.cut}: ${wrong}`);
      }
    }
    if (this.#plan.pace.kind === "closed" && performance.now() < this.#endMs) this.#ask();
  }

  #refused(id: number, code: RefuseCode): void {
    const open = this.#open.get(id);
    if (open?.isCounted) this.#counts.refused++;
    if (open) this.#pause.refused(code, open.sentMs, performance.now());
    this.#own(id);
  }

  /** The device answers for itself. */
  #own(id: number): void {
    const open = this.#settle(id);
    if (!open) return;
    if (open.isCounted) {
      this.#counts.own++;
      this.#noteLatency(open);
    }
    if (this.#plan.pace.kind === "closed") this.#askAgain();
  }

  #askAgain(): void {
    this.#after(PAUSE_MS * (0.5 + this.#rng()), () => this.#ask());
  }

  #noteLatency({ sentMs }: Open): number {
    const latencyMs = performance.now() - sentMs;
    if (latencyMs > (this.#plan.deadlineMs ?? Number.POSITIVE_INFINITY) + GRACE_MS) this.#counts.late++;
    return latencyMs;
  }

  #settle(id: number): Open | undefined {
    const open = this.#open.get(id);
    this.#open.delete(id);
    clearTimeout(open?.timer);
    return open;
  }

  /** Unless the time is over by then. */
  #after(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (performance.now() < this.#endMs) act();
    }, ms);
    this.#timers.add(timer);
  }

  #problem(text: string): void {
    if (this.#counts.problems.length < PROBLEMS_KEPT) this.#counts.problems.push(text);
  }
}

type MutableCounts = {
  -readonly [K in keyof LoadCounts]: LoadCounts[K] extends readonly (infer T)[] ? T[] : LoadCounts[K];
};

function emptyCounts(): MutableCounts {
  const none = { requests: 0, answered: 0, own: 0, refused: 0, late: 0, lost: 0, wrong: 0 };
  return { ...none, latenciesMs: [], problems: [] };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
