// What the processes of a measured experiment are asked, and what they answer: plain data over IPC.

import type { Plan } from "../../engine/index.ts";
import type { CutProfile, SideProfile } from "../../scheduler/index.ts";

export type LabRequest =
  /** Be a server. Answered when it listens. */
  | { readonly do: "serve"; readonly model: string; readonly slowdown: number }
  /** Be a device with a client of this server. */
  | {
      readonly do: "connect";
      readonly model: string;
      readonly slowdown: number;
      readonly server: string;
      readonly images: LabImages;
    }
  /** Measure yourself at the present pace. Places in graph order, each with the codecs it may be sent with. */
  | {
      readonly do: "profile";
      readonly places: readonly LabPlace[];
      readonly role: "device" | "server";
      readonly rounds: number;
      readonly budgetMs: number;
    }
  /** Compute at another pace from now on. */
  | { readonly do: "slow"; readonly slowdown: number }
  /** One image after the other by this plan. */
  | { readonly do: "run"; readonly plan: Plan; readonly images: readonly number[] };

export type LabPlace = Pick<CutProfile, "id" | "exitsBefore" | "sparse"> & { readonly codecs: readonly string[] };

/** As for `labImages`. */
export interface LabImages {
  readonly data: string;
  readonly count: number;
  readonly seed: number;
}

export type LabReply =
  | {
      readonly kind: "done";
      readonly port?: number;
      readonly side?: SideProfile;
      readonly answers?: readonly LabAnswer[];
    }
  | { readonly kind: "failed"; readonly message: string };

export interface LabAnswer {
  /** Index among the lab's images. */
  readonly image: number;
  readonly correct: boolean;
  readonly exit: number;
  readonly source: "device" | "server";
  readonly latencyMs: number;
  readonly deviceMs: number;
  readonly serverMs: number;
  readonly networkMs: number;
  readonly bytesUp: number;
  readonly fallbackReason?: string;
}
