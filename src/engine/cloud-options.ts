// What a cloud engine may be told, and what it does when it is not.

import { defaultWireLimits } from "../wire/message-codec.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Compute } from "./compute.ts";

export interface CloudEngineOptions {
  /** One for each network that is served. They stay the caller's, who closes them after the engine. */
  readonly networks: readonly Compute[];
  /** Runs that wait or compute, of all clients together; more are refused as busy. @default 64 */
  readonly maxQueued?: number;
  /** Runs without an answer of one client; part of the server's hello. @default 16 */
  readonly maxInFlight?: number;
  /** Longest message taken. @default what the largest cut needs as float32, at least 1 MiB for images, at most 16 MiB + 64 KiB */
  readonly maxMessageBytes?: number;
  /** Bytes that wait for a client that does not read; beyond, it is left. @default 1 MiB */
  readonly maxBufferedBytes?: number;
  /** Whoever has not said hello after so long is sent away. @default 5000 */
  readonly helloTimeoutMs?: number;
  /** Whoever has been silent for so long, and waits for nothing, is sent away. @default 120 000 */
  readonly idleTimeoutMs?: number;
  /** Clients hear how the server is doing this often. @default 2000 */
  readonly statsIntervalMs?: number;
  /** Program and version, as in hello. @default spinn */
  readonly agent?: string;
  readonly clock?: Clock;
  /** Hears of what is the server's own fault. @default nobody does; `stats` counts it */
  readonly onError?: (error: unknown) => void;
}

export type CloudSettings = Required<CloudEngineOptions>;

/** Room for a photo that a camera or a page has shrunk. */
const IMAGE_BYTES = 2 ** 20;
/** What a run holds around its payload, and a packet around its tensors. */
const ENVELOPE_BYTES = 2 ** 16;

/** @throws {RangeError} when there is no network, two are the same, or an amount is none */
export function cloudSettings(options: CloudEngineOptions): CloudSettings {
  const { networks } = options;
  if (networks.length === 0) throw new RangeError("A cloud engine needs a network to serve");
  const largest = Math.max(IMAGE_BYTES, maxTensorBytes(networks));
  const settings: CloudSettings = {
    maxQueued: 64,
    maxInFlight: 16,
    maxMessageBytes: Math.min(defaultWireLimits.maxMessageBytes, largest + ENVELOPE_BYTES),
    maxBufferedBytes: 2 ** 20,
    helloTimeoutMs: 5000,
    idleTimeoutMs: 120_000,
    statsIntervalMs: 2000,
    agent: "spinn",
    clock: systemClock,
    onError: () => {},
    ...options,
  };
  for (const [name, value] of Object.entries(settings)) {
    if (typeof value === "number" && !(value > 0)) throw new RangeError(`${name} must be positive, not ${value}`);
  }
  return settings;
}

/** Of the largest cut of all networks. */
export function maxTensorBytes(networks: readonly Compute[]): number {
  return Math.max(...networks.flatMap(({ network }) => network.cuts.map(({ bytes }) => bytes)));
}
