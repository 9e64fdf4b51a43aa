// A task from start to outcome on a sliced network: unpack, run from exit to exit by the exit rule, pack what is alive at the
// cut. Knows no threads and no platform: a pool's worker runs it, and so does a page's.

import { invalidFrame } from "../codec/invalid-frame.ts";
import { isSpinnError, messageOf, SpinnError } from "../errors.ts";
import type { Pixels } from "../image/pixels.ts";
import { preprocess } from "../image/preprocess.ts";
import { answerOf } from "../progressive/confidence.ts";
import { isConfident, supersedes } from "../progressive/exit-policy.ts";
import { float32 } from "../tensor.ts";
import type { ExitAnswer } from "../wire/message.ts";
import { defaultCoding, packState, type TensorMemory, unpackState } from "./boundary-packet.ts";
import { startOf } from "./check-task.ts";
import type { ComputeTimes, OnBest, SliceTime, Start, Task } from "./compute.ts";
import type { NetworkInfo } from "./network-info.ts";
import type { BoundaryState, SlicedNetwork } from "./sliced-network.ts";
import { stepsBetween } from "./steps.ts";

/** What the surroundings do for a task while it runs. */
export interface TaskControl {
  /** Milliseconds, from whenever. */
  now(): number;
  /** Called before every slice; the task ends with whatever it throws. */
  checkpoint?(): Promise<void>;
  /**
   * Does a piece of work, which `what` names, and says how long it took: so is a slower device emulated. It may do it several times;
   * the first result counts. @default once, on this clock
   */
  perform?<T>(what: string, work: () => T | Promise<T>): Promise<{ value: T; ms: number }>;
  onBest?: OnBest;
  /** Decodes what has come from another machine: it must be bounded in pixels. */
  decodeImage?(bytes: Uint8Array): Promise<Pixels>;
}

/** Milliseconds; what only a queue knows is not among them. */
export interface WorkTimes extends Omit<ComputeTimes, "queueMs"> {
  /** Between slices, where a task waited for others. @default 0 */
  readonly waitMs?: number;
}

export interface TaskAnswered {
  readonly kind: "answered";
  readonly answer: ExitAnswer;
  readonly confident: boolean;
  readonly logits?: Float32Array;
  readonly times: WorkTimes;
}

export interface TaskPaused {
  readonly kind: "paused";
  readonly packet: Uint8Array<ArrayBuffer>;
  readonly best?: ExitAnswer;
  readonly times: WorkTimes;
  /** To go on from with `resumeTask`. */
  readonly progress: Progress;
}

/** How far a task has come. */
export interface Progress {
  readonly state: BoundaryState;
  readonly thresholds: readonly number[];
  readonly wantsLogits: boolean;
  readonly best?: Candidate;
}

/** The most confident exit so far, with its logits if they were computed here. */
export interface Candidate {
  readonly answer: ExitAnswer;
  readonly logits?: Float32Array;
}

/**
 * @param task as `checkTask` wants it
 * @throws {SpinnError} InvalidFrame when the start is malformed or does not fit the network; Runtime; UnsupportedModel for an
 *   image when the network does not say how pixels become its input
 */
export async function runTask(
  network: SlicedNetwork,
  task: Task,
  control: TaskControl,
): Promise<TaskAnswered | TaskPaused> {
  const { thresholds, wantsLogits = false, best, cut, coding = defaultCoding } = task;
  const { value: state, ms: unpackMs } = await timed(control, `enter ${task.start.kind} ${startOf(task.start)}`, () =>
    enter(network.info, task.start, control),
  );
  const entered = { state, thresholds, wantsLogits, ...(best && { best: { answer: best } }) };
  const { progress, confident, slices } = await advance(network, entered, cut, control);
  if (confident || cut === "none") return answered(progress, confident, { slices, unpackMs, packMs: 0 }, task.start);
  const { value: packet, ms: packMs } = await timed(control, `pack ${task.cut} ${coding.codec}/${coding.bits}`, () =>
    packState(network.info, progress.state, coding),
  );
  const passed = progress.best && { best: progress.best.answer };
  return { kind: "paused", packet, ...passed, times: { slices, unpackMs, packMs }, progress };
}

/** Goes on to the end of the network. @throws {SpinnError} Runtime */
export async function resumeTask(
  network: SlicedNetwork,
  paused: Progress,
  control: TaskControl,
): Promise<TaskAnswered> {
  const { progress, confident, slices } = await advance(network, paused, "none", control);
  return answered(progress, confident, { slices, unpackMs: 0, packMs: 0 });
}

/**
 * Nobody confident: the most confident exit answers.
 *
 * @throws {SpinnError} when no exit gave a number: InvalidFrame if the task started from a packet, else Runtime
 */
export function answered(
  { best, wantsLogits }: Pick<Progress, "best" | "wantsLogits">,
  confident: Candidate | undefined,
  times: WorkTimes,
  start?: Start,
): TaskAnswered {
  const winner = confident ?? best;
  if (!winner) {
    // values from another machine may overflow on the way: a fault of theirs, not of the network
    if (start?.kind === "packet") throw invalidFrame("packet", "no exit makes a number of its values");
    throw new SpinnError("Runtime", "No exit of the network gives numbers");
  }
  const { answer, logits } = winner;
  return {
    kind: "answered",
    answer,
    confident: confident !== undefined,
    ...(wantsLogits && logits && { logits }),
    times,
  };
}

interface Advance {
  readonly progress: Progress;
  /** The exit that ended it; absent when the cut was reached. */
  readonly confident?: Candidate;
  readonly slices: WorkTimes["slices"];
}

/** Runs the slices up to a cut, or until an exit is confident. */
async function advance(
  network: SlicedNetwork,
  progress: Progress,
  cut: string,
  control: TaskControl,
): Promise<Advance> {
  const { thresholds, wantsLogits } = progress;
  const slices: WorkTimes["slices"][number][] = [];
  let { state, best } = progress;
  let confident: Candidate | undefined;
  for (const step of stepsBetween(network.info, state.cut, cut, thresholds)) {
    await control.checkpoint?.();
    const isPackedNext = step.to === cut && cut !== "none";
    const { value, ms } = await timed(control, `${step.from} > ${step.to}`, () =>
      network.run(state, step, isPackedNext),
    );
    state = value.state;
    const verdict = step.exit !== undefined && judge(network.info, step.exit, value.logits!, thresholds, best);
    slices.push({ from: step.from, to: step.to, ms, ...(verdict && saidBy(verdict)) });
    if (!verdict || verdict.kind === "kept") continue;
    if (verdict.kind === "confident") {
      confident = verdict.candidate;
      break;
    }
    best = verdict.candidate;
    control.onBest?.(best.answer);
  }
  const reached = { state, thresholds, wantsLogits, ...(best && { best }) };
  return { progress: reached, ...(confident && { confident }), slices };
}

/** What an exit's logits change. */
export interface Verdict {
  /** `kept`: the best so far is still the best. */
  readonly kind: "confident" | "best" | "kept";
  /** What the exit says; its confidence may be no number, and then it is never the best. */
  readonly candidate: Candidate;
}

/** The exit rule, one exit at a time. @param logits of one image */
export function judge(
  network: NetworkInfo,
  exit: number,
  logits: Float32Array,
  thresholds: readonly number[],
  best: Candidate | undefined,
): Verdict {
  const { prediction: label, confidence } = answerOf(logits, network.exits[exit]!.temperature);
  const candidate = { answer: { exit, label, confidence }, logits };
  if (isConfident(confidence, thresholds[exit]!)) return { kind: "confident", candidate };
  // an exit that gives no number is as good as none
  if (Number.isNaN(confidence) || (best && !supersedes(confidence, best.answer.confidence)))
    return { kind: "kept", candidate };
  return { kind: "best", candidate };
}

/** For the slice's record. */
export function saidBy({ candidate: { answer } }: Verdict): Pick<SliceTime, "exit"> {
  return Number.isNaN(answer.confidence) ? {} : { exit: answer };
}

/**
 * What a task starts from, unpacked.
 *
 * @param memory for what comes as a packet
 * @throws {SpinnError} as `runTask`
 */
export async function enter(
  network: NetworkInfo,
  start: Start,
  control: Pick<TaskControl, "decodeImage">,
  memory?: TensorMemory,
): Promise<BoundaryState> {
  switch (start.kind) {
    case "input":
      return inputState(network, start.values);
    case "packet":
      return unpackState(network, start.cut, start.bytes, memory);
    case "image":
      return inputState(network, await inputOfImage(network, start.bytes, control));
    default:
      return start satisfies never;
  }
}

function inputState({ input }: NetworkInfo, values: Float32Array): BoundaryState {
  return { cut: "input", tensors: { [input.name]: float32(values, input.shape) }, portable: true };
}

async function inputOfImage(
  network: NetworkInfo,
  bytes: Uint8Array,
  control: Pick<TaskControl, "decodeImage">,
): Promise<Float32Array> {
  if (!network.preprocessing || !control.decodeImage) {
    const what = network.preprocessing
      ? "Images cannot be decoded here"
      : "The network does not say how it reads images";
    throw new SpinnError("UnsupportedModel", what, { hint: "Send its input as a tensor" });
  }
  try {
    return preprocess(await control.decodeImage(bytes), network.preprocessing);
  } catch (error) {
    // the image is another machine's: to whoever must refuse it, it is a bad frame like others
    if (isSpinnError(error, "InvalidData")) throw invalidFrame("image", messageOf(error));
    throw error;
  }
}

/** Does a piece of work and says how long it took, as the surroundings want it done. */
async function timed<T>(
  control: TaskControl,
  what: string,
  work: () => T | Promise<T>,
): Promise<{ value: T; ms: number }> {
  if (control.perform) return await control.perform(what, work);
  const from = control.now();
  const value = await work();
  return { value, ms: control.now() - from };
}
