// What emulated devices are asked to do, and what they report: plain data between the process that wants load and those that make it.

import type { CodecName } from "../../codec/index.ts";
import type { ExitAnswer } from "../../wire/index.ts";

/** One image as it is after the device's part of the network: what is sent, and what is right. */
export interface Sample {
  readonly cut: string;
  readonly codec: CodecName;
  /** 32 for float32. */
  readonly bits: number;
  /** A packet of the cut. */
  readonly bytes: Uint8Array;
  /** Of every exit, those before the cut included. */
  readonly exits: readonly SampleExit[];
  /** How many are before the cut. */
  readonly exitsBefore: number;
}

export interface SampleExit extends ExitAnswer {
  /** All labels that are as good as `label`, itself included. */
  readonly labels: readonly number[];
}

export type Pace =
  /** So many requests at a time: the next when one is answered. */
  | { readonly kind: "closed"; readonly inFlight: number }
  /** At random moments, so many in a second on average, whatever becomes of them. */
  | { readonly kind: "open"; readonly perSecond: number };

export interface LoadDevice {
  /** Figures are told apart by it. */
  readonly group: string;
  /** Indices of the samples that it sends, in turn. */
  readonly samples: readonly number[];
  /** One for each exit; above 1: not asked. */
  readonly thresholds: readonly number[];
  readonly deadlineMs?: number;
  readonly pace: Pace;
  readonly seed: number;
  /** Where it dials, by way of a link of its own. @default the task's `server` */
  readonly server?: string;
}

/** What a load process is told first. */
export interface LoadTask {
  /** `ws://…` */
  readonly server: string;
  /** For a server that asks: all devices are this one client. */
  readonly token?: string;
  /** 16 bytes. */
  readonly modelHash: Uint8Array;
  readonly samples: readonly Sample[];
  readonly devices: readonly LoadDevice[];
}

export type LoadCommand =
  | { readonly kind: "open"; readonly task: LoadTask }
  /** Ask for so long; answers are counted that come after `warmUpMs`. */
  | { readonly kind: "run"; readonly seconds: number; readonly warmUpMs: number };

export type LoadReply =
  /** All devices are connected. */
  | { readonly kind: "ready" }
  | { readonly kind: "counts"; readonly counts: Readonly<Record<string, LoadCounts>>; readonly cpuMs: number }
  | { readonly kind: "failed"; readonly message: string };

/** Of one group of devices. */
export interface LoadCounts {
  readonly requests: number;
  /** By the server, in time. */
  readonly answered: number;
  /** By the device itself: refused, cut off, not in time, or held back because too much was under way. */
  readonly own: number;
  readonly refused: number;
  /** The answer, whoever gave it, came more than 20 ms after the deadline. */
  readonly late: number;
  /** Without any answer. */
  readonly lost: number;
  /** Answers of the server that are not what the network says. */
  readonly wrong: number;
  /** Of the server's answers. */
  readonly latenciesMs: readonly number[];
  /** The first few things that went wrong, in words. */
  readonly problems: readonly string[];
}
