// Public names of `spinn/web`: the device in a page. onnxruntime-web is the page's own to bring.

export type { Client, ClientEvents } from "../client/client.ts";
export type { ClientPlanRequest, SlaRequest } from "../client/plan-request.ts";
export type { PlanChange } from "../client/self-planning.ts";
export type { DeviceEngineEvents, DeviceStats, LinkStatus } from "../engine/device-engine.ts";
export type { InferOptions } from "../engine/device-inference.ts";
export { makePlan, type Plan, type PlanRequest } from "../engine/device-plan.ts";
export type { FallbackReason, InferenceResult, PassedExit, Timings } from "../engine/device-result.ts";
export type { NetworkInfo } from "../engine/network-info.ts";
export { isSpinnError, SpinnError } from "../errors.ts";
export type { Pixels } from "../image/pixels.ts";
export type { OrtWebOptions, WebProvider } from "../runtime/ort-web.ts";
export { type BrowserDialOptions, browserDial } from "../transport/browser-websocket.ts";
export type { Connection, ConnectionHandlers, Dial, DialOptions } from "../transport/transport.ts";
export { openWebCompute, type WebCompute, type WebComputeOptions } from "./compute.ts";
export { type ConnectOptions, connect, type WebClient } from "./connect.ts";
export { decodeImage } from "./decode-image.ts";
export type { WebImage } from "./image-source.ts";
export type { WebRuntime } from "./worker-protocol.ts";
