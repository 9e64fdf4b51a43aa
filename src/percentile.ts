// Percentiles of measured values.

/** The smallest value that at least a fraction `p` of the sorted values do not exceed; NaN of none. */
export function percentile(sorted: readonly number[], p: number): number {
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? Number.NaN;
}
