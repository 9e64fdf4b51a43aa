// Load on a server by many emulated devices.

export type { LoadCounts, LoadDevice, LoadTask, Pace, Sample } from "./load-plan.ts";
export { type MixOptions, mixedDevices, pathTo } from "./mixed-devices.ts";
export { type Load, openLoad } from "./open-load.ts";
export { makeSamples, noiseInputs, spreadCuts } from "./samples.ts";
