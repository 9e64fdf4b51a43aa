// Temperature scaling (Guo et al. 2017): one number for each exit that makes its confidence mean what it says, so that
// a single threshold is fair to all of them.

/** Far beyond what a trained network needs; an exit that is always right would want 0. */
const minTemperature = 0.01;
const maxTemperature = 100;

/**
 * The temperature that minimises the mean cross-entropy of softmax(logits / T). In 1 / T that is convex, so its slope
 * has at most one zero: Newton's steps, bisection where they leave the bracket.
 *
 * @param logits [images, classes]
 * @param labels the right class of each image
 * @returns in [0.01, 100]; 1 without images
 */
export function fitTemperature(logits: Float32Array, labels: ArrayLike<number>): number {
  if (labels.length === 0) return 1;
  const classes = logits.length / labels.length;
  let low = 1 / maxTemperature;
  let high = 1 / minTemperature;
  if (slopeAt(logits, labels, classes, low).slope >= 0) return maxTemperature;
  if (slopeAt(logits, labels, classes, high).slope <= 0) return minTemperature;
  let beta = 1;
  for (let step = 0; step < 100 && high - low > 1e-9 * high; step++) {
    const { slope, curvature } = slopeAt(logits, labels, classes, beta);
    if (slope === 0) break;
    if (slope < 0) low = beta;
    else high = beta;
    const newton = beta - slope / curvature;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    if (Math.abs(next - beta) <= 1e-10 * beta) break;
    beta = next;
  }
  return 1 / beta;
}

/** First and second derivative of the mean cross-entropy after beta = 1 / T: E[z] - z_label, and the variance of z. */
function slopeAt(
  logits: Float32Array,
  labels: ArrayLike<number>,
  classes: number,
  beta: number,
): { slope: number; curvature: number } {
  let slope = 0;
  let curvature = 0;
  for (let i = 0; i < labels.length; i++) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    let top = -Infinity;
    for (const z of row) if (z > top) top = z;
    let total = 0;
    let first = 0;
    let second = 0;
    for (const z of row) {
      const below = z - top;
      const weight = Math.exp(beta * below);
      total += weight;
      first += weight * below;
      second += weight * below * below;
    }
    const mean = first / total;
    slope += mean - (row[labels[i]!]! - top);
    curvature += second / total - mean * mean;
  }
  return { slope: slope / labels.length, curvature: curvature / labels.length };
}
