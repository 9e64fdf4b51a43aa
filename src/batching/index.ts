// Slice-level continuous batching: requests that enter a network at different cuts meet inside it.

export { type BatchingOptions, hostBatches } from "./batch-host.ts";
export { type BatchPlan, type BatchRules, planBatch, type Waiting } from "./plan-batch.ts";
