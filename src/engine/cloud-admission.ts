// Is a device's run taken, and as what task? Pure: a run, the network and the state of things in, a task or a refusal out.

import { messageOf } from "../errors.ts";
import type { RefuseCode, Run } from "../wire/message.ts";
import { checkTask } from "./check-task.ts";
import type { Task } from "./compute.ts";
import { indexOfCut } from "./cut-index.ts";
import type { NetworkInfo } from "./network-info.ts";

export type Admission =
  | { readonly kind: "task"; readonly task: Task }
  /** `isViolation`: the protocol does not allow such a run, and the connection ends. */
  | { readonly kind: "refusal"; readonly code: RefuseCode; readonly reason: string; readonly isViolation: boolean };

/** How things stand when a run arrives. */
export interface Standing {
  /** Runs of this device without an answer, by id. */
  readonly inFlight: { readonly size: number; has(id: number): boolean };
  readonly maxInFlight: number;
  readonly isClosing: boolean;
  /** Is the queue of all devices full? */
  readonly isFull: boolean;
  /** Names the device where runs of several wait. */
  readonly client: string;
}

/** Looks at everything but the payload's bytes, which are for whoever computes. */
export function admit(run: Run, network: NetworkInfo, standing: Standing): Admission {
  const { id, plan, deadlineMs } = run;
  const { inFlight, maxInFlight, isClosing, isFull } = standing;
  if (inFlight.has(id)) return violation(`Run ${id} has no answer yet`);
  if (inFlight.size >= maxInFlight) return violation(`More than ${maxInFlight} runs are without an answer`);
  if (plan.cut === "none" || indexOfCut(network, plan.cut) < 0)
    return refusal("unknown-cut", `No run can start at ${JSON.stringify(plan.cut)}`);
  const task = taskOf(run, network, standing.client);
  if (typeof task === "string") return violation(task);
  if (isClosing) return refusal("shutting-down", "The server is shutting down");
  if (isFull) return refusal("busy", "The queue is full");
  if (deadlineMs === 0) return refusal("deadline", "The deadline has passed");
  return { kind: "task", task };
}

/** @returns why not, in one line, when a run asks for what the network does not have */
function taskOf(
  { plan, payload, best, wantsLogits, trace, deadlineMs }: Run,
  network: NetworkInfo,
  client: string,
): Task | string {
  const { cut, thresholds } = plan;
  const { kind, bytes } = payload;
  if (kind === "image" && cut !== "input") return "An image is for the cut input";
  const [everywhere] = thresholds;
  const isOneForAll = thresholds.length === 1 && everywhere !== undefined;
  const task: Task = {
    start: kind === "image" ? { kind, bytes } : { kind, cut, bytes },
    cut: "none",
    thresholds: isOneForAll ? network.exits.map(() => everywhere) : thresholds,
    ...(best && { best }),
    wantsLogits,
    client,
    ...(trace && { trace }),
    ...(deadlineMs !== undefined && { deadlineMs }),
  };
  try {
    checkTask(network, task);
    return task;
  } catch (error) {
    if (error instanceof RangeError) return messageOf(error);
    throw error;
  }
}

function refusal(code: RefuseCode, reason: string): Admission {
  return { kind: "refusal", code, reason, isViolation: false };
}

function violation(reason: string): Admission {
  return { kind: "refusal", code: "protocol", reason, isViolation: true };
}
