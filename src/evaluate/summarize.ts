// From single answers to the figures that people compare.

import type { Answer } from "./device-run.ts";

/** Plain JSON. Means are over the answered images; absent answers make them NaN, which JSON writes as null. */
export interface Summary {
  readonly images: number;
  readonly answered: number;
  /** Of all images, how many got the right answer: an unanswered one did not. */
  readonly accuracy: number;
  /** How many images each exit answered, the final one last. */
  readonly exits: readonly number[];
  readonly sources: { readonly device: number; readonly server: number };
  readonly bytesUpMean: number;
  readonly latencyMs: { readonly mean: number; readonly p50: number; readonly p95: number };
  readonly deviceMsMean: number;
  readonly serverMsMean: number;
}

/**
 * @param images how many were asked for
 * @param exits how many the network has
 */
export function summarize(answers: readonly Answer[], images: number, exits: number): Summary {
  const mean = (of: (answer: Answer) => number): number => answers.reduce((sum, a) => sum + of(a), 0) / answers.length;
  const count = (test: (answer: Answer) => boolean): number => answers.filter(test).length;
  const latencies = answers.map((a) => a.latencyMs).sort((a, b) => a - b);
  return {
    images,
    answered: answers.length,
    accuracy: count((a) => a.correct) / images,
    exits: Array.from({ length: exits }, (_, exit) => count((a) => a.exit === exit)),
    sources: { device: count((a) => a.source === "device"), server: count((a) => a.source === "server") },
    bytesUpMean: mean((a) => a.bytesUp),
    latencyMs: { mean: mean((a) => a.latencyMs), p50: percentile(latencies, 0.5), p95: percentile(latencies, 0.95) },
    deviceMsMean: mean((a) => a.deviceMs),
    serverMsMean: mean((a) => a.serverMs),
  };
}

/** The smallest value that at least a fraction `p` of the sorted values do not exceed; NaN of none. */
export function percentile(sorted: readonly number[], p: number): number {
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? Number.NaN;
}
