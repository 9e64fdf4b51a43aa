// Runs of a client or a network, counted.

import type { RunEvent } from "../../engine/cloud-events.ts";

export interface Tally {
  answered: number;
  refused: number;
  receivedBytes: number;
  sentBytes: number;
  /** Of the answered runs, by exit, up to the deepest that has answered. */
  readonly byExit: number[];
  /** A moving average. */
  answeredPerSecond: number;
  /** Answered since the average was last moved on. */
  sinceThen: number;
}

/** Weight of the last interval in a rate. */
const WEIGHT = 0.3;
/** Lower rates are what is left of an average. */
const NOTHING = 0.05;

export function emptyTally(): Tally {
  return {
    answered: 0,
    refused: 0,
    receivedBytes: 0,
    sentBytes: 0,
    byExit: [],
    answeredPerSecond: 0,
    sinceThen: 0,
  };
}

export function countRun(tally: Tally, { receivedBytes, end }: RunEvent): void {
  tally.receivedBytes += receivedBytes;
  if (end.kind === "refused") tally.refused++;
  if (end.kind !== "answered") return;
  tally.answered++;
  tally.sinceThen++;
  tally.sentBytes += end.sentBytes;
  while (tally.byExit.length <= end.exit) tally.byExit.push(0);
  tally.byExit[end.exit]!++;
}

/** An interval has passed. */
export function moveOn(tally: Tally, seconds: number): void {
  const rate = tally.answeredPerSecond + WEIGHT * (tally.sinceThen / seconds - tally.answeredPerSecond);
  tally.answeredPerSecond = rate < NOTHING ? 0 : rate;
  tally.sinceThen = 0;
}

/** What was counted most comes first. */
export function ranked<K>(counts: ReadonlyMap<K, number>): [key: K, count: number][] {
  return [...counts].sort(([, a], [, b]) => b - a);
}
