// The normal distribution, as far as a scheduler needs it.

/**
 * The share of a standard normal distribution below `z`, to 7.5e-8 (Abramowitz and Stegun, Handbook of Mathematical Functions,
 * 26.2.17).
 */
export function normalCdf(z: number): number {
  const x = Math.abs(z);
  const t = 1 / (1 + 0.2316419 * x);
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const beyond = 0.3989422804014327 * Math.exp(-0.5 * x * x) * series;
  return z > 0 ? 1 - beyond : beyond;
}
