// The final exit's temperature. The others make a confidence mean what it says; this one decides when the final exit gives
// way to an earlier one that was more confident (docs/decisions/004-most-confident-exit.md).

import { answerOf } from "../progressive/confidence.ts";
import { mostConfident } from "../progressive/exit-policy.ts";
import type { ExitRecord } from "../progressive/policy-outcome.ts";

/** From one candidate to the next colder one, and how many there are: down to 0.08 of the calibrated temperature. */
const coolingStep = 0.95;
const candidates = 51;
/** Right answers that are not worth a colder temperature, as a share of the images: it would follow chance. */
const tolerance = 0.001;

/**
 * The warmest temperature, at most the calibrated one, with which "nobody confident: the most confident exit answers" is
 * right as often as with any. Nothing but that depends on it: whether an image stops early does not, nor what it costs.
 *
 * @param record with the final exit at its calibrated temperature; on these images the rule never gets worse
 * @param logits of the final exit, [images, classes]
 * @param calibrated what `fitTemperature()` gave for them
 */
export function fitFinalTemperature(record: ExitRecord, logits: Float32Array, calibrated: number): number {
  const disputes = disputesOf(record);
  const classes = logits.length / record.images;
  const temperatures = Array.from({ length: candidates }, (_, k) => calibrated * coolingStep ** k);
  const right = temperatures.map((temperature) => {
    let count = 0;
    for (const { image, confidence, finalIsRight } of disputes) {
      const final = answerOf(logits.subarray(image * classes, (image + 1) * classes), temperature);
      if (final.confidence >= confidence === finalIsRight) count++;
    }
    return count;
  });
  const enough = Math.max(...right) - tolerance * record.images;
  return temperatures[right.findIndex((count) => count >= enough)]!;
}

interface Dispute {
  readonly image: number;
  /** Of the most confident early exit, which is right if the final exit is wrong, and wrong if it is right. */
  readonly confidence: number;
  readonly finalIsRight: boolean;
}

/** On the other images it does not matter who answers. */
function disputesOf({ images, confidences, correct }: ExitRecord): Dispute[] {
  const exits = confidences.length / images;
  const disputes: Dispute[] = [];
  for (let image = 0; exits > 1 && image < images; image++) {
    const first = image * exits;
    const rival = first + mostConfident(confidences.subarray(first, first + exits - 1));
    const final = first + exits - 1;
    if (correct[rival] !== correct[final])
      disputes.push({ image, confidence: confidences[rival]!, finalIsRight: correct[final] === 1 });
  }
  return disputes;
}
