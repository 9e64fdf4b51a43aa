// What the device knows of its link, from real traffic (SPINN's run-time profiler). Pure functions over plain data: the caller
// brings the times.

/** The last samples of each, the newest last. Their medians count: on a busy machine single ones are far off. */
export interface LinkEstimate {
  /** Of small messages on an idle link. */
  readonly roundTripsMs: readonly number[];
  /** Time that a byte took on the way up, in transfers that were large enough to tell. */
  readonly msPerByte: readonly number[];
}

export const unknownLink: LinkEstimate = { roundTripsMs: [], msPerByte: [] };

/** A run or a probe that has been answered. Times on the device's clock, in milliseconds. */
export interface Transfer {
  readonly bytes: number;
  readonly sentAtMs: number;
  readonly answeredAtMs: number;
  /** Of this the server was busy: queue and compute. */
  readonly serverMs: number;
  /** When the transfer before had left the device, since the link carries one after the other. */
  readonly previousLeftAtMs: number;
}

const REMEMBERED = 9;
/** Of transfers, more: a single one of a few kilobytes says little. */
const TRANSFERS = 31;
/** But when so many in a row all say that the link has changed by such a factor, it has. */
const RECENT = 5;
const CHANGE = 1.5;
/** Without any transfer, 100 kbit/s: who waits for something to get through must be patient. */
const ASSUMED_MS_PER_BYTE = 0.08;
/** Below, what is measured is the noise of two clocks and not the link. */
const LEAST_BYTES = 2048;
/** 1 Gbit/s: faster links cannot be told apart by such transfers. */
const LEAST_MS_PER_BYTE = 8e-6;

export function withRoundTrip(link: LinkEstimate, sampleMs: number): LinkEstimate {
  return { ...link, roundTripsMs: remembered(link.roundTripsMs, sampleMs) };
}

/** When the last byte of a transfer left the device: its way and the answer's way back take a round trip together. */
export function leftAtMs({ answeredAtMs, serverMs }: Transfer, link: LinkEstimate): number {
  return answeredAtMs - serverMs - (rttMsOf(link) ?? 0);
}

/** The estimate after a transfer; the same when it was too small to tell. */
export function withTransfer(link: LinkEstimate, transfer: Transfer): LinkEstimate {
  const { bytes, sentAtMs, answeredAtMs, serverMs, previousLeftAtMs } = transfer;
  if (bytes < LEAST_BYTES) return link;
  const wholeMs = answeredAtMs - serverMs - sentAtMs;
  // A whole transfer within less than a round trip: that was thought too long.
  const corrected = wholeMs < (rttMsOf(link) ?? 0) ? withRoundTrip(link, wholeMs) : link;
  const busyMs = leftAtMs(transfer, corrected) - Math.max(sentAtMs, previousLeftAtMs);
  const sample = Math.max(LEAST_MS_PER_BYTE, busyMs / bytes);
  return { ...corrected, msPerByte: rememberedUntilChange(link.msPerByte, sample) };
}

/** Undefined until one was measured. */
export function rttMsOf({ roundTripsMs }: LinkEstimate): number | undefined {
  return median(roundTripsMs);
}

/** Of the last ones; 0 until one was measured. */
export function slowestRttMs({ roundTripsMs }: LinkEstimate): number {
  return Math.max(0, ...roundTripsMs);
}

/** Bits per second from device to server; undefined until a transfer was measured. */
export function uplinkBpsOf({ msPerByte }: LinkEstimate): number | undefined {
  const ms = median(msPerByte);
  return ms === undefined ? undefined : 8000 / ms;
}

/** How long a message takes to get out of the device; with an unknown link, a cautious guess. */
export function uploadMs({ msPerByte }: LinkEstimate, bytes: number): number {
  return bytes * (median(msPerByte) ?? ASSUMED_MS_PER_BYTE);
}

function remembered(samples: readonly number[], sample: number): number[] {
  return [...samples.slice(1 - REMEMBERED), sample];
}

function rememberedUntilChange(samples: readonly number[], sample: number): number[] {
  const all = [...samples.slice(1 - TRANSFERS), sample];
  const [before, recent] = [median(all.slice(0, -RECENT)), all.slice(-RECENT)];
  const isSlower = recent.every((ms) => ms > (before ?? ms) * CHANGE);
  const isFaster = recent.every((ms) => ms < (before ?? ms) / CHANGE);
  return isSlower || isFaster ? recent : all;
}

function median(samples: readonly number[]): number | undefined {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1];
}
