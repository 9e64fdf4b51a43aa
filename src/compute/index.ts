// Public names of `spinn/compute`: `Compute` in Node, as a pool of worker threads.

export { type ComputeOptions, openCompute } from "./open-compute.ts";
