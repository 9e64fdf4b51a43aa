// From single answers to the figures that people compare.

import { percentile } from "../percentile.ts";

/** An image that got an answer. */
export interface Answered {
  readonly correct: boolean;
  /** Number of the exit, from 0. */
  readonly exit: number;
  readonly source: "device" | "server";
  readonly latencyMs: number;
  readonly deviceMs: number;
  readonly serverMs: number;
  readonly bytesUp: number;
}

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
export function summarize(answers: readonly Answered[], images: number, exits: number): Summary {
  const mean = (of: (answer: Answered) => number): number =>
    answers.reduce((sum, a) => sum + of(a), 0) / answers.length;
  const count = (test: (answer: Answered) => boolean): number => answers.filter(test).length;
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
