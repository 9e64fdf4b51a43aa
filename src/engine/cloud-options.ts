// What a cloud engine may be told, and what it does when it is not.

import { defaultWireLimits } from "../wire/message-codec.ts";
import { ClientLedger } from "./client-ledger.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { CloudEvent } from "./cloud-events.ts";
import type { Compute } from "./compute.ts";

export interface CloudEngineOptions {
  /** One for each network that is served from the start. They stay the caller's, who closes them after the engine. */
  readonly networks: readonly Compute[];
  /** Runs that wait or compute, of all clients together; more are refused as busy. @default 64 */
  readonly maxQueued?: number;
  /** Runs without an answer of one client; part of the server's hello. @default 16 */
  readonly maxInFlight?: number;
  /**
   * Longest message taken. Networks that are added later have to get along with it.
   *
   * @default what the largest cut needs as float32, at least 1 MiB for images, at most 16 MiB + 64 KiB; that, without networks
   */
  readonly maxMessageBytes?: number;
  /** Bytes that wait for a client that does not read; beyond, it is left. @default 1 MiB */
  readonly maxBufferedBytes?: number;
  /** What each client may use, and has used. @default as much as there is */
  readonly ledger?: ClientLedger;
  /** Of one connection, on average, whatever they say; who sends more is sent away. @default 2000 */
  readonly maxMessagesPerSecond?: number;
  /** Whoever has not said hello after so long is sent away. @default 5000 */
  readonly helloTimeoutMs?: number;
  /** Whoever has been silent for so long, and waits for nothing, is sent away. @default 120 000 */
  readonly idleTimeoutMs?: number;
  /** Clients hear how the server is doing this often. @default 2000 */
  readonly statsIntervalMs?: number;
  /** Clients are gateways, which pass on what others have sent: for a packet that is damaged only the run is refused. @default false */
  readonly servesGateways?: boolean;
  /** Program and version, as in hello. @default spinn */
  readonly agent?: string;
  readonly clock?: Clock;
  /** Hears of what is the server's own fault. @default nobody does; `stats` counts it */
  readonly onError?: (error: unknown) => void;
  /** Hears of all that happens, in order, while it happens: whoever is slow here slows everybody. Must not throw. */
  readonly onEvent?: (event: CloudEvent) => void;
}

export type CloudSettings = Required<CloudEngineOptions>;

/** Room for a photo that a camera or a page has shrunk. */
const IMAGE_BYTES = 2 ** 20;
/** What a run holds around its payload, and a packet around its tensors. */
const ENVELOPE_BYTES = 2 ** 16;

/** @throws {RangeError} when an amount is none */
export function cloudSettings(options: CloudEngineOptions): CloudSettings {
  const { networks } = options;
  const most = defaultWireLimits.maxMessageBytes;
  const needed = Math.max(IMAGE_BYTES, ...networks.map(maxTensorBytes)) + ENVELOPE_BYTES;
  const settings: CloudSettings = {
    maxQueued: 64,
    maxInFlight: 16,
    maxMessageBytes: networks.length === 0 ? most : Math.min(most, needed),
    maxBufferedBytes: 2 ** 20,
    ledger: new ClientLedger({}, options.clock),
    maxMessagesPerSecond: 2000,
    helloTimeoutMs: 5000,
    idleTimeoutMs: 120_000,
    statsIntervalMs: 2000,
    servesGateways: false,
    agent: "spinn",
    clock: systemClock,
    onError: () => {},
    onEvent: () => {},
    ...options,
  };
  for (const [name, value] of Object.entries(settings)) {
    if (typeof value === "number" && !(value > 0)) throw new RangeError(`${name} must be positive, not ${value}`);
  }
  return settings;
}

/** Of its largest cut, as float32. */
export function maxTensorBytes({ network }: Compute): number {
  return Math.max(...network.cuts.map(({ bytes }) => bytes));
}
