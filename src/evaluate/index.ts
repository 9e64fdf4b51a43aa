// Public names of `spinn/evaluate`: links of all kinds between device and server, emulated without privileges, and what is measured
// over them.

export { percentile } from "../percentile.ts";
export { type BandwidthStep, type BandwidthTrace, checkTrace, meanBandwidth } from "./bandwidth-trace.ts";
export { type Capacity, constantCapacity, traceCapacity } from "./capacity.ts";
export {
  DEVICE_ONLY_PHONES,
  type DemoOptions,
  type DemoResult,
  type Outage,
  PATIENCE_MS,
  type Policy,
  runDemo,
} from "./demo.ts";
export type { Answer, DeviceRun } from "./device-run.ts";
export { runEmulatedDevice } from "./emulated-device.ts";
export { type FaultName, faultNames } from "./faults.ts";
export {
  type EmulatedLink,
  type EmulateLinkOptions,
  emulateLink,
  type LinkStats,
  type LinkTarget,
  type LinkTraces,
} from "./link-emulator.ts";
export { type LaneShape, LinkModel, type Passage } from "./link-model.ts";
export { isLinkPreset, type LinkPreset, linkPresets } from "./link-presets.ts";
export { checkLink, type LinkSpec } from "./link-spec.ts";
export { parseLink } from "./parse-link.ts";
export { parseTrace, readTrace } from "./parse-trace.ts";
export { type ServerProcess, type ServerProcessOptions, startServerProcess } from "./server-process.ts";
export { type Summary, summarize } from "./summarize.ts";
export { type SurvivalOptions, type SurvivalProgress, type SurvivalReport, survive } from "./survival.ts";
export { type SynthesizeOptions, synthesizeTrace } from "./synthesize-trace.ts";
export { type GivenAnswer, type TrueAnswers, trueAnswers } from "./true-answers.ts";
export type { Direction } from "./tunnel.ts";
