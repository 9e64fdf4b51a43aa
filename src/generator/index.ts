// Public names of `spinn/generator`: from a plain classifier to a progressive one, calibrated and evaluated.

export { type AddExitsOptions, addExits } from "./add-exits.ts";
export {
  type ArchitectureName,
  type ArchitectureOptions,
  architectures,
  buildArchitecture,
  isArchitectureName,
} from "./architectures/index.ts";
export { type BuildProgressiveOptions, buildProgressive } from "./build-progressive.ts";
export { calibrate } from "./calibrate.ts";
export { calibrationImages, calibrationSplit, withoutCalibrationImages } from "./calibration-split.ts";
export type { CollectOptions } from "./collect-logits.ts";
export { shallowDeepTau } from "./cost-function.ts";
export { type DetectedPreprocessing, detectPreprocessing } from "./detect-preprocessing.ts";
export { type EvaluateOptions, type Evaluation, evaluate } from "./evaluate.ts";
export { type HeadKind, type HeadOptions, isHeadKind } from "./heads.ts";
export { type LearningRateSchedule, learningRateAt } from "./learning-rate.ts";
export { type ExitCandidate, type ExitPlace, placeExits } from "./place-exits.ts";
export { plotEvaluation } from "./plot.ts";
export { train } from "./train.ts";
export type { EpochRecord, RunOptions, TrainOptions, TrainProgress, TrainResult } from "./train-options.ts";
export { type TrainProgressiveOptions, trainProgressive } from "./train-progressive.ts";
