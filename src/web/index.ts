// Public names of `spinn/web`: the device in a page. onnxruntime-web is the page's own to bring.

export type { Answered, Compute, ComputeTimes, Outcome, Paused, Start, Task } from "../engine/compute.ts";
export {
  createDeviceEngine,
  type DeviceEngine,
  type DeviceEngineEvents,
  type DeviceEngineOptions,
  type DeviceStats,
  type LinkStatus,
} from "../engine/device-engine.ts";
export type { InferOptions } from "../engine/device-inference.ts";
export type { NetworkInfo } from "../engine/network-info.ts";
export { makePlan, type Plan, type PlanRequest } from "../engine/device-plan.ts";
export type { InferenceResult } from "../engine/device-result.ts";
export { isSpinnError, SpinnError } from "../errors.ts";
export type { Pixels } from "../image/pixels.ts";
export type { OrtWebOptions, WebProvider } from "../runtime/ort-web.ts";
export { type BrowserDialOptions, browserDial } from "../transport/browser-websocket.ts";
export { openWebCompute, type WebComputeOptions } from "./compute.ts";
export { decodeImage, pixelsOf } from "./decode-image.ts";
export type { WebRuntime } from "./worker-protocol.ts";
