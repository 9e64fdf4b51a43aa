// The recipe behind `spinn train`: a network built from scratch, trunk and exits trained jointly with the shallow-deep cost
// function (SPINN; Kaya et al. 2019), then calibrated on images held out of training.

import { type OptimizerOptions, sgdDefaults } from "../autodiff/optimizer.ts";
import { type Dataset, splitHoldout } from "../data/index.ts";
import { type Preprocessing, preprocessings } from "../image/index.ts";
import { readMetadata, withMetadata } from "../progressive/metadata.ts";
import { accuracies } from "../progressive/policy-outcome.ts";
import { type AddExitsOptions, addExits } from "./add-exits.ts";
import { type ArchitectureName, buildArchitecture } from "./architectures/index.ts";
import { calibrate, recordOf } from "./calibrate.ts";
import { collectLogits } from "./collect-logits.ts";
import { shallowDeepTau } from "./cost-function.ts";
import type { LearningRateSchedule } from "./learning-rate.ts";
import { train } from "./train.ts";
import type { RunOptions, TrainResult } from "./train-options.ts";

export interface TrainProgressiveOptions extends RunOptions, Pick<AddExitsOptions, "fractions" | "head"> {
  architecture: ArchitectureName;
  /** Channels of the first stage. @default the published network's */
  width?: number;
  /** Labelled images; `heldOut` of them are kept for calibration. */
  dataset: Dataset;
  /** @default 5 000, or a tenth of a small data set */
  heldOut?: number;
  /** @default CIFAR's, for images of the data set's size */
  preprocessing?: Preprocessing;
  epochs: number;
  /** @default SGD, Nesterov momentum 0.9, weight decay 5e-4 */
  optimizer?: OptimizerOptions;
  /** @default cosine from 0.1, one epoch of warm-up */
  learningRate?: LearningRateSchedule;
  labelSmoothing?: number;
  /** @default 0.999 */
  averageDecay?: number;
  /** Told what is being done, in words. */
  onPhase?: (phase: string) => void;
}

/**
 * Builds, trains and calibrates.
 *
 * @throws {RangeError} as `buildArchitecture()`
 * @throws {SpinnError} as `addExits()`, `train()` and `calibrate()`
 */
export async function trainProgressive(options: TrainProgressiveOptions): Promise<TrainResult> {
  const { architecture, width, dataset, fractions, head, onPhase, learningRate, ...run } = options;
  const heldOut = options.heldOut ?? Math.max(1, Math.min(5000, Math.floor(dataset.length / 10)));
  const { rest, held } = splitHoldout(dataset, heldOut, run.seed);
  const preprocessing = options.preprocessing ?? preprocessings.cifar;
  const { channels, height, width: columns } = preprocessing;
  const plain = buildArchitecture(architecture, {
    classes: dataset.classes.length,
    seed: run.seed,
    inputShape: [channels, height, columns],
    ...(width !== undefined && { width }),
  });
  const placed = addExits(plain, { seed: run.seed, ...(fractions && { fractions }), ...(head && { head }) });
  const { exits } = readMetadata(placed)!;
  const initial = withMetadata(placed, { preprocessing, labels: dataset.classes });

  onPhase?.(`Training ${architecture} with ${exits.length} exits on ${rest.length} images of ${dataset.name}`);
  const cancel = run.signal ? { signal: run.signal } : {};
  const { model: trained, history } = await train(initial, {
    optimizer: sgdDefaults,
    averageDecay: 0.999,
    validate: async (model) => {
      const logits = await collectLogits(model, held, { limit: VALIDATION_IMAGES, ...cancel });
      const temperatures = logits.exits.map(() => 1);
      return accuracies(recordOf(logits, temperatures));
    },
    ...run,
    dataset: rest,
    preprocessing,
    tau: (epoch, epochs) =>
      shallowDeepTau(
        exits.map((e) => e.wanted),
        epoch,
        epochs,
      ),
    learningRate: learningRate ?? { kind: "cosine", peak: 0.1, warmupEpochs: Math.min(1, run.epochs / 4) },
  });
  onPhase?.(`Calibrating on ${held.length} images held out of ${dataset.name}`);
  return { model: await calibrate(trained, held, cancel), history };
}

/** Held-out images for the accuracy in the log; calibration takes all of them. */
const VALIDATION_IMAGES = 1000;
