// Public names of `spinn/engine`: the distributed execution engine, both sides of it.

export { hexOf } from "../hex.ts";
export { defaultCoding, packState, unpackState } from "./boundary-packet.ts";
export { checkTask } from "./check-task.ts";
export { ClientLedger, type ClientLimits, type ClientQuota, type Denial } from "./client-ledger.ts";
export { type Clock, systemClock } from "./clock.ts";
export { type CloudEngine, type CloudStats, createCloudEngine } from "./cloud-engine.ts";
export type {
  CloudEvent,
  ConnectedEvent,
  GreetedEvent,
  LeftEvent,
  NetworkEvent,
  RefusedEvent,
  RunEnd,
  RunEvent,
} from "./cloud-events.ts";
export type { CloudEngineOptions } from "./cloud-options.ts";
export type { Answered, Compute, ComputeTimes, OnBest, Outcome, Paused, Start, Task } from "./compute.ts";
export { type HostPlatform, hostCompute } from "./compute-host.ts";
export { type ComputePool, openPool, type PoolOptions } from "./compute-pool.ts";
export type { ComputeReply, ComputeRequest } from "./compute-protocol.ts";
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
export type { LinkTimings, WakeUps } from "./device-link.ts";
export { makePlan, type Plan, type PlanRequest } from "./device-plan.ts";
export type { FallbackReason, InferenceResult, PassedExit, Timings } from "./device-result.ts";
export type { Unsubscribe } from "./emitter.ts";
export { type CutPoint, describeNetwork, type ExitPoint, type NetworkInfo } from "./network-info.ts";
export { networkFromJson, networkToJson } from "./network-json.ts";
export { openSlicedNetwork, type SlicedNetworkOptions } from "./open-sliced-network.ts";
export {
  type Progress,
  resumeTask,
  runTask,
  type TaskAnswered,
  type TaskControl,
  type TaskPaused,
  type WorkTimes,
} from "./run-task.ts";
export { NETWORK_PATH, slicePath } from "./slice-path.ts";
export { type SliceReply, type SliceSource, sliceSource } from "./slice-source.ts";
export type { BoundaryState, SlicedNetwork, StepResult } from "./sliced-network.ts";
export { type OnSpan, randomId, type Span } from "./span.ts";
export { type Step, stepsBetween } from "./steps.ts";
export type { LinkEvents, SpawnWorker, WorkerLink } from "./worker-slot.ts";
