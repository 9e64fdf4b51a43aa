// In which order held-out images are profiled, so that the first few of them already stand for all: sorted from the hardest to
// the easiest and taken evenly from the whole range, each further one where the gap is widest.

import type { ExitRecord } from "../progressive/policy-outcome.ts";
import { createRng, permutation } from "../random.ts";

/**
 * @param known how the exits do on these images, if it is known; else the order is random
 * @returns every index once; the beginning of any length is a fair sample
 */
export function imageOrder(length: number, seed: number, known?: ExitRecord): Uint32Array {
  const shuffled = permutation(length, createRng(seed));
  if (known?.images !== length) return shuffled;
  const ease = easeOf(known);
  // ties stay shuffled
  const sorted = shuffled.sort((a, b) => ease[a]! - ease[b]!);
  const offset = createRng(seed)();
  const taken = new Uint8Array(length);
  const order = new Uint32Array(length);
  let next = 0;
  // the last places would be hit ever more seldom
  for (let i = 0; i < 2 * length; i++) {
    const at = Math.floor(((offset + i * GOLDEN) % 1) * length);
    if (taken[at]) continue;
    taken[at] = 1;
    order[next++] = sorted[at]!;
  }
  for (let at = 0; next < length; at++) if (!taken[at]) order[next++] = sorted[at]!;
  return order;
}

/** Multiples of it fall evenly into [0, 1), however many there are. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** How many exits are right, and among equals how sure they are together. */
function easeOf({ images, confidences, correct }: ExitRecord): Float64Array {
  const exits = correct.length / images;
  return Float64Array.from({ length: images }, (_, i) => {
    let ease = 0;
    for (let at = i * exits; at < (i + 1) * exits; at++) ease += correct[at]! + confidences[at]! / (exits + 1);
    return ease;
  });
}
