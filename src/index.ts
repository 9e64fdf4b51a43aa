// Public names of `spinn`: what most programs need. The subpaths hold the rest.

export {
  type Client,
  type ClientPlanRequest,
  type ConnectOptions,
  connect,
  type PlanChange,
  type SlaRequest,
} from "./client/index.ts";
export { type Dataset, type OpenOptions, openDataset } from "./data/index.ts";
export type {
  DeviceImage,
  FallbackReason,
  InferenceResult,
  InferOptions,
  PassedExit,
  Plan,
  Timings,
} from "./engine/index.ts";
export { type ErrorCode, isSpinnError, SpinnError } from "./errors.ts";
export {
  type AddExitsOptions,
  addExits,
  type BuildProgressiveOptions,
  buildProgressive,
  calibrate,
  type Evaluation,
  evaluate,
  type TrainOptions,
  type TrainProgress,
  type TrainProgressiveOptions,
  type TrainResult,
  train,
  trainProgressive,
} from "./generator/index.ts";
export { type Preprocessing, preprocessings } from "./image/index.ts";
export { type ModelProto, readModelFile, writeModelFile } from "./onnx/index.ts";
export { type Metadata, readMetadata } from "./progressive/index.ts";
