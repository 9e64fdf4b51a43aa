// What the device knows of its link, from real traffic (SPINN's run-time profiler). Pure functions over plain data: the caller
// brings the times.

export interface LinkEstimate {
  /** Smoothed round trip of a small message on an idle link; absent until one was measured. */
  readonly rttMs?: number;
  /** Its mean deviation. */
  readonly rttDeviationMs?: number;
  /** Time that a byte took on the way up, in the last transfers that were large enough to tell; the newest last. */
  readonly msPerByte: readonly number[];
}

export const unknownLink: LinkEstimate = { msPerByte: [] };

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

/** So many transfers are remembered. Their median counts: delays on the way are seldom, long, and no matter of bandwidth. */
const REMEMBERED = 9;
/** Without any, 100 kbit/s: who waits for something to get through must be patient. */
const ASSUMED_MS_PER_BYTE = 0.08;
/** Below, what is measured is the noise of two clocks and not the link. */
const LEAST_BYTES = 2048;
/** 8 Gbit/s: nobody can tell faster links apart by such transfers. */
const LEAST_MS_PER_BYTE = 1e-6;

/** RFC 6298's smoothing: an eighth of each new sample, a quarter for the deviation. */
export function withRoundTrip(link: LinkEstimate, sampleMs: number): LinkEstimate {
  const { rttMs, rttDeviationMs = 0 } = link;
  if (rttMs === undefined) return { ...link, rttMs: sampleMs, rttDeviationMs: sampleMs / 2 };
  const deviation = Math.abs(rttMs - sampleMs);
  return {
    ...link,
    rttMs: rttMs + (sampleMs - rttMs) / 8,
    rttDeviationMs: rttDeviationMs + (deviation - rttDeviationMs) / 4,
  };
}

/** When the last byte of a transfer left the device: its way and the answer's way back take a round trip together. */
export function leftAtMs({ answeredAtMs, serverMs }: Transfer, { rttMs = 0 }: LinkEstimate): number {
  return answeredAtMs - serverMs - rttMs;
}

/** The estimate after a transfer; the same when it was too small to tell. */
export function withTransfer(link: LinkEstimate, transfer: Transfer): LinkEstimate {
  if (transfer.bytes < LEAST_BYTES) return link;
  const busyMs = leftAtMs(transfer, link) - Math.max(transfer.sentAtMs, transfer.previousLeftAtMs);
  const sample = Math.max(LEAST_MS_PER_BYTE, busyMs / transfer.bytes);
  return { ...link, msPerByte: [...link.msPerByte.slice(1 - REMEMBERED), sample] };
}

/** Bits per second from device to server; undefined until a transfer was measured. */
export function uplinkBpsOf(link: LinkEstimate): number | undefined {
  const msPerByte = medianMsPerByte(link);
  return msPerByte === undefined ? undefined : 8000 / msPerByte;
}

/** How long a message takes to get out of the device; with an unknown link, a cautious guess. */
export function uploadMs(link: LinkEstimate, bytes: number): number {
  return bytes * (medianMsPerByte(link) ?? ASSUMED_MS_PER_BYTE);
}

function medianMsPerByte({ msPerByte }: LinkEstimate): number | undefined {
  return msPerByte.toSorted((a, b) => a - b)[msPerByte.length >> 1];
}
