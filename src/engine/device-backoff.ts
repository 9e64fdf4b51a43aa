// How long to wait before dialling again: exponential back-off with full jitter, so that the clients of a server that comes
// back do not all knock at once (M. Brooker, "Exponential Backoff And Jitter", AWS 2015).

import type { Rng } from "../random.ts";

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
