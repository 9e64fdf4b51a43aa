// Public names of `spinn/engine`: the distributed execution engine, both sides of it.

export type { Answered, Compute, ComputeTimes, OnBest, Outcome, Paused, Start, Task } from "./compute.ts";
export { type CutPoint, describeNetwork, type ExitPoint, type NetworkInfo } from "./network-info.ts";
export { openSlicedNetwork, type SlicedNetworkOptions } from "./open-sliced-network.ts";
export type { BoundaryState, SlicedNetwork, StepResult } from "./sliced-network.ts";
export { type Step, stepsBetween } from "./steps.ts";
