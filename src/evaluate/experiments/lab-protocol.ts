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
  /** Measure yourself at the present pace, with the first image. Places in graph order, each with the codecs it may be sent with. */
  | {
      readonly do: "profile";
      readonly places: readonly LabPlace[];
      readonly role: "device" | "server";
      readonly images: LabImages;
      readonly rounds: number;
      readonly budgetMs: number;
    }
  /** Compute at another pace from now on. */
  | { readonly do: "slow"; readonly slowdown: number }
  /** Plan for this agreement from now on; measures the device before, a quarter as long the second time. */
  | { readonly do: "agree"; readonly require: readonly string[]; readonly prefer: readonly string[] }
  /** One image after the other, by whatever plan the client has, until `end`. */
  | { readonly do: "begin" }
  | { readonly do: "end" }
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
      /** What the client knows of the link by now; absent what was not measured. */
      readonly link?: { readonly uplinkBps?: number; readonly rttMs?: number };
      /** Since `begin`. */
      readonly planChanges?: readonly LabPlanChange[];
    }
  | { readonly kind: "failed"; readonly message: string };

export interface LabPlanChange {
  /** Of the wall clock, which all processes share. */
  readonly atMs: number;
  readonly plan: Plan;
  readonly why: string;
}

export interface LabAnswer {
  /** When the image came, by the wall clock. */
  readonly atMs: number;
  readonly cut: string;
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
