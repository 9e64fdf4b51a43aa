// Who computes: runs a network from cut to cut with the exit rule, packs what must be sent and unpacks what came. In Node a
// pool of worker threads, in a page a web worker. Device and server engine know this interface only.

import type { Coding } from "../codec/packed-tensor.ts";
import type { ExitAnswer, TraceContext } from "../wire/message.ts";
import type { NetworkInfo } from "./network-info.ts";

/** What to start from. Buffers are handed over: the caller must not touch them again. */
export type Start =
  /** The network's input, [1, C, H, W]. */
  | { readonly kind: "input"; readonly values: Float32Array }
  /** A packet of a cut (docs/protocol.md); checked against the network before it is unpacked. */
  | { readonly kind: "packet"; readonly cut: string; readonly bytes: Uint8Array }
  /** An encoded image (JPEG, PNG, WebP), where the platform can decode one. */
  | { readonly kind: "image"; readonly bytes: Uint8Array };

export interface Task {
  readonly start: Start;
  /** Where to stop and hand over, a cut behind the start; `none`: go on until there is an answer. */
  readonly cut: string;
  /** One for each exit; above 1: the exit is not computed. */
  readonly thresholds: readonly number[];
  /** The most confident exit so far, when the start is behind it. */
  readonly best?: ExitAnswer;
  /** How to pack what is alive at the cut. @default bit-shuffled, LZ4, 8 bits */
  readonly coding?: Coding;
  readonly wantsLogits?: boolean;
  /** The inference that it is part of, for whoever sends it on. */
  readonly trace?: TraceContext;
  /** For whom: those who share a pool share it fairly, each queue of a client's waits for itself. @default all are one */
  readonly client?: string;
  /** Milliseconds from the call after which nobody wants the answer: whoever has to wait goes by this. @default none */
  readonly deadlineMs?: number;
}

/** What it took. Milliseconds. */
export interface ComputeTimes {
  /** Each slice that ran, in order. */
  readonly slices: readonly SliceTime[];
  /** Unpacking or decoding what came. */
  readonly unpackMs: number;
  /** Packing what goes. */
  readonly packMs: number;
  /** From the call to the start of computing, and between slices. */
  readonly queueMs: number;
}

export interface SliceTime {
  readonly from: string;
  readonly to: string;
  readonly ms: number;
  /** Images that went through it together, in this time. @default 1 */
  readonly batch?: number;
  /** What the exit at its end said; absent where none was computed, or it gave no number. */
  readonly exit?: ExitAnswer;
}

export type Outcome = Answered | Paused;

/** An exit was confident, or the network is at its end: then the most confident exit answers. */
export interface Answered {
  readonly kind: "answered";
  readonly answer: ExitAnswer;
  /** Did the exit reach its threshold? */
  readonly confident: boolean;
  /** Of the answering exit, if wanted and computed here; [classes]. */
  readonly logits?: Float32Array;
  readonly times: ComputeTimes;
}

/** Nobody was confident before the cut. The state there is kept until `resume` or `drop`. */
export interface Paused {
  readonly kind: "paused";
  readonly packet: Uint8Array;
  /** The most confident exit so far; absent when none was passed. */
  readonly best?: ExitAnswer;
  readonly times: ComputeTimes;
  /** Goes on to the end here, with the exact values. Once only. */
  resume(signal?: AbortSignal, onBest?: OnBest): Promise<Answered>;
  /** Frees the state. After `resume` or twice: nothing happens. */
  drop(): void;
}

/** Told while a task runs, whenever an exit was passed that is more confident than those before: what there is to fall back on. */
export type OnBest = (best: ExitAnswer) => void;

export interface Compute {
  readonly network: NetworkInfo;
  /**
   * Clients in turn, each one's most urgent task first, then its oldest. An abort takes effect between slices.
   *
   * @throws {SpinnError} Aborted; InvalidFrame for a packet or image that is malformed or does not fit the network;
   *   Runtime; Overloaded when the queue is full; Deadline when there is not enough time left to begin
   * @throws {RangeError} for a cut that the network does not have, or thresholds that do not fit
   */
  start(task: Task, signal?: AbortSignal, onBest?: OnBest): Promise<Outcome>;
  /**
   * Would a task be refused at once, as things are? For whoever is asked for more than can be done: the answer costs less than handing
   * the task in.
   *
   * @returns why, in one line
   */
  whyNot?(task: Task): string | undefined;
  /** Makes the slices of a plan ahead of time. */
  prepare(from: string, cut: string, thresholds: readonly number[]): Promise<void>;
  /** Tasks that wait or run. */
  readonly pending: number;
  /** Pending tasks fail with Aborted. */
  close(): Promise<void>;
}
