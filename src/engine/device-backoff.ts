// How long to wait before dialling again: exponential back-off with full jitter, so that the clients of a server that comes
// back do not all knock at once (M. Brooker, "Exponential Backoff And Jitter", AWS 2015).

import type { Rng } from "../random.ts";
import type { RefuseCode } from "../wire/message.ts";

export interface Backoff {
  /** Longest wait before the second attempt; doubles from attempt to attempt. @default 200 */
  readonly firstMs: number;
  /** Longest wait of all. @default 5000 */
  readonly mostMs: number;
}

export const defaultBackoff: Backoff = { firstMs: 200, mostMs: 5000 };

/** @param failures attempts that have failed in a row, 0 or more; @returns milliseconds, uniform up to the limit of that attempt */
export function backoffMs(failures: number, { firstMs, mostMs }: Backoff, rng: Rng): number {
  return rng() * Math.min(mostMs, firstMs * 2 ** failures);
}

/** Refusals that a second try does not change. */
const lasting: ReadonlySet<RefuseCode> = new Set(["unauthorized", "unknown-model", "quota"]);

/**
 * How long to wait for a server that has said no.
 *
 * @returns milliseconds: the longest wait at least, and up to twice that, where there is little hope
 */
export function refusedBackoffMs(refusal: RefuseCode, failures: number, backoff: Backoff, rng: Rng): number {
  return lasting.has(refusal) ? backoff.mostMs * (1 + rng()) : backoffMs(failures, backoff, rng);
}
