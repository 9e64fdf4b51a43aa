// The recipe behind `spinn build`: somebody's trained classifier becomes a progressive one. The trunk stays frozen, to the
// bit; only the heads are trained ("IC-only" of Kaya et al. 2019, with exits placed as in SPINN).

import { adamDefaults } from "../autodiff/optimizer.ts";
import type { Dataset } from "../data/index.ts";
import { SpinnError } from "../errors.ts";
import type { Preprocessing } from "../image/index.ts";
import { graphOf, indexGraph } from "../onnx/graph-index.ts";
import { shapeLabel } from "../onnx/label.ts";
import type { ModelProto } from "../onnx/proto.ts";
import { inferShapes } from "../onnx/shapes.ts";
import { validateModel } from "../onnx/validate.ts";
import { classesOf, readMetadata, withMetadata } from "../progressive/metadata.ts";
import { type AddExitsOptions, addExits } from "./add-exits.ts";
import { calibrate } from "./calibrate.ts";
import { detectPreprocessing } from "./detect-preprocessing.ts";
import { train } from "./train.ts";
import type { RunOptions, TrainResult } from "./train-options.ts";

export interface BuildProgressiveOptions extends RunOptions, Pick<AddExitsOptions, "fractions" | "head"> {
  /** Images that the heads learn from. */
  training: Dataset;
  /** Images that neither the heads nor the trunk have learnt from: confidences are calibrated on them. */
  calibration: Dataset;
  /** @default the known convention that suits the network best, see `detectPreprocessing()` */
  preprocessing?: Preprocessing;
  /** Names of the network's classes. @default the data set's, where it has as many */
  labels?: readonly string[];
  /** @default 6 */
  epochs?: number;
  /** Peak learning rate of Adam. @default 0.002 */
  learningRate?: number;
  /** Told what is being done, in words. */
  onPhase?: (phase: string) => void;
}

/**
 * Adds exits to a trained classifier, trains their heads, calibrates, and records preprocessing and labels.
 *
 * @throws {SpinnError} as `validateModel()`, `addExits()`, `detectPreprocessing()`, `train()` and `calibrate()`
 */
export async function buildProgressive(model: ModelProto, options: BuildProgressiveOptions): Promise<TrainResult> {
  const { training, calibration, fractions, head, epochs = 6, learningRate = 0.002, onPhase, ...run } = options;
  const cancel = run.signal ? { signal: run.signal } : {};
  const plain = validateModel(model);
  const preprocessing = options.preprocessing ?? (await detect(plain, options));
  const placed = addExits(plain, { seed: run.seed, ...(fractions && { fractions }), ...(head && { head }) });
  const { exits, final } = readMetadata(placed)!;
  const classes = classesOf(inferShapes(placed), final);
  const labels = options.labels ?? (training.classes.length === classes ? training.classes : undefined);
  if (options.preprocessing) checkPreprocessing(plain, options.preprocessing);
  if (labels && labels.length !== classes) {
    throw new SpinnError("InvalidData", `There are ${labels.length} class names for a network of ${classes} classes`, {
      hint: "Give one for each",
    });
  }
  const initial = withMetadata(placed, { preprocessing, ...(labels && { labels }) });

  const trunk = new Set(graphOf(plain).initializer.map((t) => t.name));
  onPhase?.(`Training ${exits.length} heads on ${training.length} images of ${training.name}`);
  const { model: trained, history } = await train(initial, {
    ...run,
    dataset: training,
    preprocessing,
    epochs,
    trainable: (name) => !trunk.has(name),
    // Every head counts alike; the final exit is frozen.
    tau: () => [...exits.map(() => 1), 0],
    optimizer: adamDefaults,
    learningRate: { kind: "cosine", peak: learningRate, warmupEpochs: epochs / 16 },
    averageDecay: 0.99,
  });
  onPhase?.(`Calibrating on ${calibration.length} images of ${calibration.name}`);
  // All of them, however many: an evaluation leaves out as many images as the record has.
  return { model: await calibrate(trained, calibration, { limit: calibration.length, ...cancel }), history };
}

/** @throws {SpinnError} UnsupportedModel when it does not make what the network takes */
function checkPreprocessing(model: ModelProto, { channels, height, width }: Preprocessing): void {
  const input = indexGraph(graphOf(model)).inputs[0]?.name ?? "";
  const taken = inferShapes(model).get(input)?.dims.slice(1) ?? [];
  const made = [channels, height, width];
  if (taken.join() === made.join()) return;
  throw new SpinnError(
    "UnsupportedModel",
    `The network takes images ${shapeLabel(taken)}, preprocessing makes ${shapeLabel(made)}`,
  );
}

async function detect(model: ModelProto, options: BuildProgressiveOptions): Promise<Preprocessing> {
  const { calibration, signal, onPhase } = options;
  onPhase?.("Trying the known ways of preprocessing");
  const { name, preprocessing, top1, images } = await detectPreprocessing(model, calibration, signal);
  onPhase?.(
    `Preprocessing as "${name}": ${(100 * top1).toFixed(1)} % right on ${images} images of ${calibration.name}`,
  );
  return preprocessing;
}
