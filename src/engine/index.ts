// Public names of `spinn/engine`: the distributed execution engine, both sides of it.

export type { Answered, Compute, ComputeTimes, OnBest, Outcome, Paused, Start, Task } from "./compute.ts";
export {
  createDeviceEngine,
  type DeviceEngine,
  type DeviceEngineEvents,
  type DeviceEngineOptions,
  type DeviceStats,
  type LinkStatus,
} from "./device-engine.ts";
export type { ContinueLocally, InferOptions } from "./device-inference.ts";
export type { DecodeImage, DeviceImage } from "./device-input.ts";
export { makePlan, type Plan, type PlanRequest } from "./device-plan.ts";
export type { FallbackReason, InferenceResult, Timings } from "./device-result.ts";
export type { Unsubscribe } from "./emitter.ts";
export { type CutPoint, describeNetwork, type ExitPoint, type NetworkInfo } from "./network-info.ts";
export { openSlicedNetwork, type SlicedNetworkOptions } from "./open-sliced-network.ts";
export type { BoundaryState, SlicedNetwork, StepResult } from "./sliced-network.ts";
export { type Step, stepsBetween } from "./steps.ts";
