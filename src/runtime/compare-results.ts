// Whether what one processor computed can be what another one did. Pure.

import type { Tensor } from "../tensor.ts";

export type Results = Readonly<Record<string, Tensor>>;

/** Of the largest value of a tensor: between different orders of sums, and one step of eight bits. */
const TOLERANCE = 0.02;

/** Nothing but zeros: what the memory of a lost GPU reads as. */
export function isBlank(results: Results): boolean {
  for (const { data } of Object.values(results)) for (const value of data) if (Number(value) !== 0) return false;
  return true;
}

/** Every value within 2 % of its tensor's largest; what is no number, or infinite, is the same there. */
export function agree(results: Results, expected: Results): boolean {
  return Object.entries(expected).every(([name, { data }]) => {
    const found = results[name]?.data;
    if (found?.length !== data.length) return false;
    let largest = 0;
    let difference = 0;
    for (let i = 0; i < data.length; i++) {
      const [a, b] = [Number(found[i]), Number(data[i])];
      if (Number.isFinite(a) && Number.isFinite(b)) {
        largest = Math.max(largest, Math.abs(b));
        difference = Math.max(difference, Math.abs(a - b));
      } else if (!Object.is(a, b)) return false;
    }
    return difference <= TOLERANCE * largest;
  });
}
