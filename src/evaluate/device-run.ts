// What an emulated device is asked to do, and what it reports: plain data between the process that experiments and the
// process that is the device.

import type { ClientPlanRequest, SlaRequest } from "../client/index.ts";
import type { Plan } from "../engine/index.ts";
import type { Answered } from "./summarize.ts";

/** One device, one policy, some images, one after the other. */
export interface DeviceRun {
  readonly model: string;
  /** As for `openDataset`; the test split. */
  readonly data: string;
  /** Which of its images, in this order. */
  readonly images: readonly number[];
  /** `ws://…`; absent: there is no server. */
  readonly server?: string;
  /** `auto` as its cut lets the client choose. */
  readonly plan: ClientPlanRequest;
  /** What the client plans for, where the plan leaves something open. */
  readonly sla?: SlaRequest;
  readonly continueLocally: "never" | "on-failure" | "hedge";
  readonly deadlineMs?: number;
  /** Every slice takes so many times as long as it really does. */
  readonly slowdown: number;
  /**
   * A client without a network of its own, as server-only is: when the server has not answered after this long, the image is
   * lost. Absent: the device answers.
   */
  readonly patienceMs?: number;
}

export type DeviceReport =
  /** Model loaded, first image done. The device waits for {@link DeviceGo}. */
  | { readonly kind: "ready"; readonly plan: Plan }
  /** Another plan is followed from the next image on. */
  | { readonly kind: "plan"; readonly plan: Plan }
  | { readonly kind: "answer"; readonly answer: Answer }
  | { readonly kind: "lost"; readonly image: number; readonly why: string }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly message: string };

export interface DeviceGo {
  readonly kind: "go";
}

export interface Answer extends Answered {
  /** Index in the data set. */
  readonly image: number;
  readonly fallbackReason?: string;
}
