// Everything that device and server say to each other, as one union of plain data. Bytes: docs/protocol.md.

import type { CodecName } from "../codec/packed-tensor.ts";

export type Message = Hello | Run | Result | Refuse | Cancel | Ping | Pong | Stats;
export type MessageKind = Message["kind"];

/** The first message of each side: who speaks, which network, and what one is ready to take. */
export interface Hello {
  readonly kind: "hello";
  readonly role: "device" | "server";
  /** 16 bytes. A server that does not have the network answers with a refusal. */
  readonly modelHash: Uint8Array;
  readonly limits: PeerLimits;
  /** Program and version, for logs: `spinn/0.1.0`. At most 64 bytes. */
  readonly agent: string;
}

export interface PeerLimits {
  /** Longest message. */
  readonly maxMessageBytes: number;
  /** All tensors of a packet together, as float32. */
  readonly maxTensorBytes: number;
  /** Runs without an answer yet. */
  readonly maxInFlight: number;
}

/** Go on with this image from a cut. */
export interface Run {
  readonly kind: "run";
  /** Chosen by the device, not 0; free again once answered, refused or cancelled. */
  readonly id: number;
  readonly plan: RunPlan;
  /** Milliseconds from now after which nobody waits any more; not a time of day, since clocks differ. */
  readonly deadlineMs?: number;
  /** The device's best exit, if it passed any: it wins if the server finds nothing better. */
  readonly best?: ExitAnswer;
  /** Should the answer hold logits? */
  readonly wantsLogits: boolean;
  /** The inference that this run is part of, for whoever follows it across machines. */
  readonly trace?: TraceContext;
  readonly payload: Payload;
}

/** Who caused this, as in W3C Trace Context level 1 (its `traceparent`). */
export interface TraceContext {
  /** 16 bytes, not all of them 0. */
  readonly traceId: Uint8Array;
  /** The sender's span; 8 bytes, not all of them 0. */
  readonly spanId: Uint8Array;
  /** Is it recorded? */
  readonly sampled: boolean;
}

export interface RunPlan {
  /** `input`, or the id of a cut. */
  readonly cut: string;
  /** Confidence that suffices, per exit or one for all; float32. Above 1: never. */
  readonly thresholds: readonly number[];
  readonly codec: CodecName;
  /** Width of quantised values; 32 for `float32`. */
  readonly bits: number;
}

/** A packet (`decodePacket`), or an encoded image (JPEG, WebP, PNG) as the network's input. */
export interface Payload {
  readonly kind: "packet" | "image";
  readonly bytes: Uint8Array;
}

/** What an exit says. */
export interface ExitAnswer {
  /** Number of the exit, from 0; the last is the network's own. */
  readonly exit: number;
  readonly label: number;
  /** float32 in [0, 1]. */
  readonly confidence: number;
}

/** The answer to a run. */
export interface Result extends ExitAnswer {
  readonly kind: "result";
  readonly id: number;
  /** Of `exit`; absent when it is the device's own, or none were wanted. */
  readonly logits?: Float32Array;
  /** From arrival to the start of computing; float32. */
  readonly queueMs: number;
  /** Unpacking and computing; float32. */
  readonly computeMs: number;
}

export const refusals = [
  /** Full: try later, or elsewhere. */
  "busy",
  /** The deadline has passed or cannot be met. */
  "deadline",
  /** No such network here. */
  "unknown-model",
  /** The network has no such cut. */
  "unknown-cut",
  /** The packet or image is malformed or does not fit the cut. */
  "bad-payload",
  /** A limit was exceeded. */
  "too-large",
  /** Out of order: a run before hello, an id that is in use. */
  "protocol",
  "shutting-down",
  /** The server's own fault. */
  "internal",
  /** The server knows its clients, and this is none of them. */
  "unauthorized",
  /** Too much at once: the same a little later would be taken. */
  "rate-limited",
  /** What this client may use is used up. */
  "quota",
] as const;
export type RefuseCode = (typeof refusals)[number];

/** No answer to a run, and why. */
export interface Refuse {
  readonly kind: "refuse";
  /** 0: the connection as a whole, which is then closed. */
  readonly id: number;
  readonly code: RefuseCode;
  /** One line for people. */
  readonly reason: string;
  /** As in `Stats`. */
  readonly loadFactor: number;
}

/** The device needs no answer any more. Nothing answers this; a result may be under way already. */
export interface Cancel {
  readonly kind: "cancel";
  readonly id: number;
}

/** Measures round trips and, by a payload that is not looked at, bandwidth. */
export interface Ping {
  readonly kind: "ping";
  readonly id: number;
  readonly payload: Uint8Array;
}

export interface Pong {
  readonly kind: "pong";
  /** The ping's. */
  readonly id: number;
}

/** How the server is doing; sent from time to time. */
export interface Stats {
  readonly kind: "stats";
  /** Measured over profiled compute time, waiting included; 1 when idle. float32. */
  readonly loadFactor: number;
  readonly clients: number;
  readonly queued: number;
  /** Since it started, as are refused ones. */
  readonly answered: number;
  readonly refused: number;
}
