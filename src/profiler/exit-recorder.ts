// How sure and how right exits were, batch after batch.

import type { ExitPoint } from "../engine/network-info.ts";
import { SpinnError } from "../errors.ts";
import { label } from "../onnx/label.ts";
import { answerOf } from "../progressive/confidence.ts";
import type { ExitRecord } from "../progressive/policy-outcome.ts";

export class ExitRecorder {
  readonly #exits: readonly ExitPoint[];
  readonly #confidences: Float32Array;
  readonly #correct: Uint8Array;
  #done = 0;

  constructor(exits: readonly ExitPoint[], images: number) {
    this.#exits = exits;
    this.#confidences = new Float32Array(images * exits.length);
    this.#correct = new Uint8Array(images * exits.length);
  }

  /** Images so far. */
  get done(): number {
    return this.#done;
  }

  get record(): ExitRecord {
    const size = this.#done * this.#exits.length;
    return {
      images: this.#done,
      confidences: this.#confidences.slice(0, size),
      correct: this.#correct.slice(0, size),
    };
  }

  /** No more images than there is room for. */
  add({ images, confidences, correct }: ExitRecord): void {
    const room = this.#confidences.length / this.#exits.length - this.#done;
    const from = this.#done * this.#exits.length;
    const taken = Math.min(images, room) * this.#exits.length;
    this.#confidences.set(confidences.subarray(0, taken), from);
    this.#correct.set(correct.subarray(0, taken), from);
    this.#done += Math.min(images, room);
  }

  /**
   * @param logits of each exit, [batch, classes]
   * @param labels the right classes, [batch]
   * @throws {SpinnError} InvalidModel for what is no number
   */
  batch(logits: readonly Float32Array[], labels: ArrayLike<number>): void {
    const exits = this.#exits.length;
    for (const [e, values] of logits.entries()) {
      const { output, temperature } = this.#exits[e]!;
      const classes = values.length / labels.length;
      for (let i = 0; i < labels.length; i++) {
        const { confidence, prediction } = answerOf(values.subarray(i * classes, (i + 1) * classes), temperature);
        if (Number.isNaN(confidence))
          throw new SpinnError("InvalidModel", `The network's output ${label(output)} is not a number for some image`, {
            hint: "Its weights may be damaged",
          });
        const at = (this.#done + i) * exits + e;
        this.#confidences[at] = confidence;
        this.#correct[at] = prediction === labels[i] ? 1 : 0;
      }
    }
    this.#done += labels.length;
  }
}
