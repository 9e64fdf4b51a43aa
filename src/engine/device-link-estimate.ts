// What the device knows of its link, from real traffic (SPINN's run-time profiler). Pure functions over plain data: the caller
// brings the times.

/** The last samples of each, the newest last. Their medians count: on a busy machine single ones are far off. */
export interface LinkEstimate {
  /** Of small messages on an idle link. */
  readonly roundTripsMs: readonly number[];
  /** Those that tell how long a byte takes on the way up. */
  readonly transfers: readonly Sample[];
}

/** As it was measured, so that a round trip that turns out to be another one does not spoil it. */
export interface Sample {
  readonly bytes: number;
  readonly ms: number;
  /** Is a round trip part of the time? Not where the transfer before had not left yet. */
  readonly hasRoundTrip: boolean;
}

export const unknownLink: LinkEstimate = { roundTripsMs: [], transfers: [] };

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
/** When so many in a row all say that the link has changed by such a factor, it has: the larger, the sooner. */
const CHANGES = [
  { inARow: 3, by: 3 },
  { inARow: 5, by: 1.5 },
] as const;
/** Round trips are measured once a second: they are believed sooner. */
const ROUND_TRIP_CHANGE = { inARow: 3, by: 1.5 };
/** Before there is something that can change. */
const LEAST_BEFORE = 3;
/** Without any transfer, 100 kbit/s: who waits for something to get through must be patient. */
const ASSUMED_MS_PER_BYTE = 0.08;
/** Below, what is measured is the noise of two clocks and not the link … */
const LEAST_BYTES = 2048;
/** … unless it is off by more than that noise, in ms and in round trips: so a plan that sends little hears of a change as well. */
const LEAST_SURPRISING_BYTES = 256;
const NOISE_MS = 2;
const NOISE_ROUND_TRIPS = 0.05;
const SURPRISE = 1.5;
/** 1 Gbit/s: faster links cannot be told apart by such transfers. */
const LEAST_MS_PER_BYTE = 8e-6;

export function withRoundTrip(link: LinkEstimate, sampleMs: number): LinkEstimate {
  const all = [...link.roundTripsMs.slice(1 - REMEMBERED), sampleMs];
  const isNew = hasChanged(all, ROUND_TRIP_CHANGE);
  return { ...link, roundTripsMs: isNew ? all.slice(-ROUND_TRIP_CHANGE.inARow) : all };
}

/** When the last byte of a transfer left the device: its way and the answer's way back take a round trip together. */
export function leftAtMs({ answeredAtMs, serverMs }: Transfer, link: LinkEstimate): number {
  return answeredAtMs - serverMs - (rttMsOf(link) ?? 0);
}

/** The estimate after a transfer; the same when it was too small to tell. */
export function withTransfer(link: LinkEstimate, transfer: Transfer): LinkEstimate {
  const { bytes, sentAtMs, answeredAtMs, serverMs, previousLeftAtMs } = transfer;
  if (bytes < LEAST_SURPRISING_BYTES) return link;
  const wholeMs = answeredAtMs - serverMs - sentAtMs;
  const hasRoundTrip = previousLeftAtMs <= sentAtMs;
  const sample = { bytes, hasRoundTrip, ms: hasRoundTrip ? wholeMs : leftAtMs(transfer, link) - previousLeftAtMs };
  if (bytes < LEAST_BYTES && !isSurprising(sample, link)) return link;
  // A whole transfer within less than a round trip: that was thought too long.
  const corrected = wholeMs < (rttMsOf(link) ?? 0) ? withRoundTrip(link, wholeMs) : link;
  const transfers = [...link.transfers.slice(1 - TRANSFERS), sample];
  const rates = transfers.map((one) => msPerByte(one, corrected));
  const change = CHANGES.find((one) => {
    const before = { ...corrected, transfers: transfers.slice(0, -one.inARow) };
    return hasChanged(rates, one) && transfers.slice(-one.inARow).every((recent) => isSurprising(recent, before));
  });
  return { ...corrected, transfers: change ? transfers.slice(-change.inARow) : transfers };
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
export function uplinkBpsOf(link: LinkEstimate): number | undefined {
  const ms = usualMsPerByte(link);
  return ms === undefined ? undefined : 8000 / ms;
}

/** How long a message takes to get out of the device; with an unknown link, a cautious guess. */
export function uploadMs(link: LinkEstimate, bytes: number): number {
  return bytes * (usualMsPerByte(link) ?? ASSUMED_MS_PER_BYTE);
}

function usualMsPerByte(link: LinkEstimate): number | undefined {
  return median(link.transfers.map((one) => msPerByte(one, link)));
}

function msPerByte(sample: Sample, link: LinkEstimate): number {
  return Math.max(LEAST_MS_PER_BYTE, busyMs(sample, link) / sample.bytes);
}

function busyMs({ ms, hasRoundTrip }: Sample, link: LinkEstimate): number {
  return hasRoundTrip ? ms - (rttMsOf(link) ?? 0) : ms;
}

/** Is it off by more than the noise? */
function isSurprising(sample: Sample, link: LinkEstimate): boolean {
  const believed = usualMsPerByte(link);
  if (believed === undefined) return false;
  const [took, expected] = [Math.max(0, busyMs(sample, link)), believed * sample.bytes];
  const noiseMs = NOISE_MS + NOISE_ROUND_TRIPS * (rttMsOf(link) ?? 0);
  return Math.abs(took - expected) > noiseMs && (took > SURPRISE * expected || SURPRISE * took < expected);
}

/** Are the last ones all larger, or all smaller, by such a factor than those before? */
function hasChanged(samples: readonly number[], { inARow, by }: { inARow: number; by: number }): boolean {
  const before = samples.slice(0, -inARow);
  const usual = median(before);
  if (usual === undefined || before.length < LEAST_BEFORE) return false;
  const recent = samples.slice(-inARow);
  return recent.every((one) => one > by * usual) || recent.every((one) => by * one < usual);
}

function median(samples: readonly number[]): number | undefined {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1];
}
