// What happens at a cloud engine, told as it happens: one stream for metrics, traces, logs and consoles. Plain data; nothing in it
// is secret, and what a stranger chose (agents, reasons) is as long as the protocol allows at most.

import type { RefuseCode, TraceContext } from "../wire/message.ts";
import type { ComputeTimes } from "./compute.ts";

export type CloudEvent =
  | ConnectedEvent
  | GreetedEvent
  | LeftEvent
  | RunEvent
  | RefusedEvent
  | TurnedAwayEvent
  | NetworkEvent;

/** Somebody has connected, and has said nothing yet. */
export interface ConnectedEvent {
  readonly kind: "connected";
  /** Names the connection in all events that follow. */
  readonly connection: string;
  /** Where it comes from, as the transport says. */
  readonly peer: string;
  /** Who it is, where clients have to say so; connections of the same client share what it may use. */
  readonly client?: string;
}

/** It has said hello. */
export interface GreetedEvent {
  readonly kind: "greeted";
  readonly connection: string;
  /** 32 hexadecimal digits. */
  readonly network: string;
  /** Program and version, in its own words. */
  readonly agent: string;
}

export interface LeftEvent {
  readonly kind: "left";
  readonly connection: string;
  readonly reason: string;
}

/** A run has come to an end. */
export interface RunEvent {
  readonly kind: "run";
  readonly connection: string;
  readonly network: string;
  /** Where it began here. */
  readonly cut: string;
  /** The message that brought it. */
  readonly receivedBytes: number;
  /** From arrival to this event. */
  readonly totalMs: number;
  readonly trace?: TraceContext;
  readonly end: RunEnd;
}

export type RunEnd =
  /** `exit` may be one that the device had passed. */
  | {
      readonly kind: "answered";
      readonly exit: number;
      readonly confident: boolean;
      readonly sentBytes: number;
      readonly times: ComputeTimes;
    }
  | { readonly kind: "refused"; readonly code: RefuseCode; readonly reason: string }
  /** Nobody waits for it any more: the device said so, or has left. */
  | { readonly kind: "cancelled" };

/** A connection was turned away, and is closed now. */
export interface RefusedEvent {
  readonly kind: "refused";
  readonly connection: string;
  readonly code: RefuseCode;
  readonly reason: string;
}

/** Somebody was not let in, and never became a connection: too many of them, a foreign page. */
export interface TurnedAwayEvent {
  readonly kind: "turned-away";
  readonly peer: string;
  /** Of HTTP. */
  readonly status: number;
  readonly reason: string;
}

/** A network is served from now on, or no longer. */
export interface NetworkEvent {
  readonly kind: "network-added" | "network-retired";
  readonly network: string;
}
