// Public names of `spinn/compute`: `Compute` in Node, as a pool of worker threads.

export { type ComputeOptions, openCompute } from "./open-compute.ts";
export { type NodeNetworkOptions, openNodeNetwork } from "./open-node-network.ts";
