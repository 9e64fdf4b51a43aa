// From one exit's logits to its answer and how sure it is: the largest softmax probability (SPINN's early-exit policy).

export interface Answer {
  /** Index of the class with the largest logit; of equal ones the first. */
  readonly prediction: number;
  /** Its softmax probability as a float32, in (0, 1]; NaN when a logit is. */
  readonly confidence: number;
}

/**
 * @param logits of one image, [classes]
 * @param temperature divides the logits; fitted by `calibrate()`. @default 1
 */
export function answerOf(logits: ArrayLike<number>, temperature = 1): Answer {
  let prediction = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[prediction]!) prediction = i;
  const top = logits[prediction]!;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp((logits[i]! - top) / temperature);
  return { prediction, confidence: Math.fround(1 / sum) };
}
