// BatchNormalization's running statistics, kept beside the parameters while a network trains.

import type { TrainingGraph } from "../autodiff/differentiate.ts";

/** What PyTorch calls momentum: the share of the newest batch. */
const NEWEST = 0.1;

/**
 * Statistics of one batch from the shares of all workers, in the layout of the graph's `statistics` output. Variances
 * become the unbiased estimate that inference expects.
 */
export function batchStatistics(
  graph: TrainingGraph,
  shares: readonly { readonly statistics: Float32Array }[],
): Float32Array {
  const mean = new Float32Array(graph.statisticsCount);
  for (let i = 0; i < mean.length; i++) {
    let sum = 0;
    for (const share of shares) sum += share.statistics[i]!;
    mean[i] = sum / shares.length;
  }
  for (const { offset, channels, count } of graph.statistics) {
    const unbiased = count > 1 ? count / (count - 1) : 1;
    for (let i = offset + channels; i < offset + 2 * channels; i++) mean[i]! *= unbiased;
  }
  return mean;
}

/** Moves the running statistics towards those of the newest batch, in place. */
export function updateRunning(running: Float32Array, newest: Float32Array): void {
  for (let i = 0; i < running.length; i++) running[i]! += NEWEST * (newest[i]! - running[i]!);
}
