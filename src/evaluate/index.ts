// Public names of `spinn/evaluate`: links of all kinds between device and server, emulated without privileges.

export { type BandwidthStep, type BandwidthTrace, checkTrace, meanBandwidth } from "./bandwidth-trace.ts";
export {
  type EmulatedLink,
  type EmulateLinkOptions,
  emulateLink,
  type LinkStats,
  type LinkTraces,
} from "./link-emulator.ts";
export { type LaneShape, LinkModel, type Passage } from "./link-model.ts";
export { isLinkPreset, type LinkPreset, linkPresets } from "./link-presets.ts";
export { checkLink, type LinkSpec } from "./link-spec.ts";
export { parseLink } from "./parse-link.ts";
export { parseTrace, readTrace } from "./parse-trace.ts";
export { type SynthesizeOptions, synthesizeTrace } from "./synthesize-trace.ts";
export type { Direction } from "./tunnel.ts";
