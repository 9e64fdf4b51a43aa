// What the console is told of a server, twice a second: plain data, of bounded size, with no secret in it.

import type { ServedModel } from "../served-model.ts";

export interface ConsoleSnapshot {
  /** Since 1970. */
  readonly atMs: number;
  readonly startedAtMs: number;
  /** Program and version. */
  readonly agent: string;
  /** Does it take no more runs, and will soon be gone? */
  readonly isDraining: boolean;
  readonly now: ConsolePoint;
  readonly totals: ConsoleTotals;
  readonly networks: readonly NetworkRow[];
  /** The busiest first; not all of them when there are many. */
  readonly clients: readonly ClientRow[];
  /** The latest first. */
  readonly events: readonly ConsoleEvent[];
}

/** Half a second of the server's life. */
export interface ConsolePoint {
  /** Its end, since 1970. */
  readonly atMs: number;
  readonly clients: number;
  /** Runs that wait or compute. */
  readonly queued: number;
  readonly loadFactor: number;
  readonly answeredPerSecond: number;
  readonly refusedPerSecond: number;
  readonly receivedBytesPerSecond: number;
  readonly sentBytesPerSecond: number;
  /** Images that went through a slice together, on average; null: none did. */
  readonly meanBatch: number | null;
  /** Of answered runs; null: there were none. */
  readonly queueMs: Spread | null;
  readonly computeMs: Spread | null;
}

export interface Spread {
  readonly p50: number;
  readonly p95: number;
}

/** Since the server started. */
export interface ConsoleTotals {
  readonly answered: number;
  readonly refused: number;
  readonly cancelled: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Refused runs and connections by the protocol's code, the most frequent first. */
  readonly refusals: readonly { readonly code: string; readonly count: number }[];
  /** How often a slice ran with so many images, by size. */
  readonly batches: readonly { readonly images: number; readonly count: number }[];
}

export interface NetworkRow extends ServedModel {
  readonly clients: number;
  readonly answered: number;
  readonly refused: number;
  readonly answeredPerSecond: number;
  /** Of the answered runs, by exit. */
  readonly byExit: readonly number[];
  /** Where runs began, the most frequent first. */
  readonly byCut: readonly { readonly cut: string; readonly count: number }[];
}

export interface ClientRow {
  /** As the server names it. */
  readonly connection: string;
  /** Address, as the transport says. */
  readonly peer: string;
  /** Who it is, where clients have to say so. */
  readonly client?: string;
  /** Program and version in its own words. */
  readonly agent: string;
  /** Name of the network. */
  readonly model: string;
  readonly sinceMs: number;
  /** Where its last run began; absent before the first. */
  readonly cut?: string;
  readonly answered: number;
  readonly refused: number;
  readonly answeredPerSecond: number;
  /** Of its answered runs, by exit, up to the deepest that has answered. */
  readonly byExit: readonly number[];
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export interface ConsoleEvent {
  readonly id: number;
  /** Since 1970. */
  readonly atMs: number;
  readonly kind: "connected" | "left" | "refused" | "turned-away" | "network";
  readonly text: string;
}
