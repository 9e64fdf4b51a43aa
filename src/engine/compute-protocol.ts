// What a pool and its workers say to each other. One job at a time, unless a worker has asked for more: the next when it has answered.
// Packets, images and inputs go by transfer, never copied.

import type { PortableError } from "../portable-error.ts";
import type { ExitAnswer } from "../wire/message.ts";
import type { Task } from "./compute.ts";
import type { NetworkInfo } from "./network-info.ts";
import type { TaskAnswered, TaskPaused } from "./run-task.ts";
import type { Step } from "./steps.ts";

/** A job. `id` is the pool's choice, new for each. */
export type JobRequest =
  /** Answered by `answered` or `paused`. The state of a paused task is kept under the task's id. */
  | {
      readonly kind: "start";
      readonly id: number;
      readonly task: Task;
      readonly tellsBest: boolean;
      /** Its client has had much: where several tasks are under way, others go first. */
      readonly yields?: boolean;
    }
  /** Goes on with the task `state` to the end; the state is gone then. */
  | { readonly kind: "resume"; readonly id: number; readonly state: number; readonly tellsBest: boolean }
  | { readonly kind: "prepare"; readonly id: number; readonly steps: readonly Step[] };

export type ComputeRequest =
  | JobRequest
  /** Ends a job before its next slice, if it still runs: it fails with Aborted. */
  | { readonly kind: "cancel"; readonly id: number }
  /** Frees a kept state. */
  | { readonly kind: "drop"; readonly state: number }
  /** From the next piece of work on. */
  | { readonly kind: "slowdown"; readonly factor: number };

export type ComputeReply =
  /** First of all, when the network is open. */
  | { readonly kind: "ready"; readonly network: NetworkInfo }
  /** Instead of `ready`: there will be nothing else. */
  | { readonly kind: "unusable"; readonly error: PortableError }
  /** So many jobs at a time from now on; 1 until then. */
  | { readonly kind: "room"; readonly jobs: number }
  | { readonly kind: "best"; readonly id: number; readonly best: ExitAnswer }
  | (TaskAnswered & { readonly id: number })
  | (Omit<TaskPaused, "progress"> & { readonly id: number })
  | { readonly kind: "prepared"; readonly id: number }
  | { readonly kind: "failed"; readonly id: number; readonly error: PortableError };

export type JobReply = Exclude<ComputeReply, { readonly kind: "ready" | "unusable" | "room" | "best" }>;
