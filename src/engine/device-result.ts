// What an inference gives back: the answer, where it came from and why, and what it took.

import type { RefuseCode } from "../wire/message.ts";
import type { Plan } from "./device-plan.ts";

export interface InferenceResult {
  /** Name of the class; its index as text where the model has no names. */
  readonly label: string;
  readonly classIndex: number;
  /** In [0, 1]. */
  readonly confidence: number;
  /** Number of the exit that answers, from 0; the last is the network's own. */
  readonly exit: number;
  readonly exitName: string;
  /**
   * What the exits said that the device computed, in order; the one that answers is among them if it is one of these. What others
   * said is known to the server alone.
   */
  readonly deviceExits: readonly PassedExit[];
  /** Who had the last word. The server may answer with an exit that the device had passed, when it found nothing better. */
  readonly source: "device" | "server";
  /** Of that exit, if wanted; [classes]. Absent when the server hands back an exit of the device's, and after a deadline. */
  readonly logits?: Float32Array;
  readonly timings: Timings;
  /** Bytes of the message that was sent; 0 when none was. */
  readonly bytesUp: number;
  /** What was followed. */
  readonly plan: Plan;
  /** Why this is not the answer that the plan asked for; absent when it is. */
  readonly fallbackReason?: FallbackReason;
}

export interface PassedExit {
  /** Number of the exit, from 0. */
  readonly exit: number;
  readonly label: string;
  readonly classIndex: number;
  /** In [0, 1]. */
  readonly confidence: number;
}

/** Milliseconds; 0 for what did not happen. */
export interface Timings {
  /** From the call to the answer. */
  readonly totalMs: number;
  /** Decoding and preprocessing the image. */
  readonly prepareMs: number;
  /** Waiting for the device's compute. */
  readonly deviceQueueMs: number;
  /** Slices that ran on the device and led to the answer. */
  readonly deviceMs: number;
  readonly packMs: number;
  /** Waiting for a place at the server before sending. */
  readonly sendQueueMs: number;
  /** Waiting at the server. */
  readonly serverQueueMs: number;
  /** Unpacking and computing at the server. */
  readonly serverMs: number;
  /** There and back: from sending to the answer's arrival, without the server's own time. */
  readonly networkMs: number;
}

export type FallbackReason =
  /** There was none when the server was needed. */
  | "no-connection"
  /** It was lost, or the server went silent, before the answer came. */
  | "disconnected"
  /** The answer would have been, or was, too late. */
  | "deadline"
  /** The server takes no more runs at once, and the queue here is full. */
  | "queue-full"
  /** The answer cannot be true. */
  | "bad-answer"
  | `refused:${RefuseCode}`;
