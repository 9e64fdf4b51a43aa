// Public names of `spinn/cluster`: serving past one machine, over NATS.

export { type DeployOptions, deployModel } from "./deploy-model.ts";
export type { Deployment } from "./deployment.ts";
export { type DeploymentStore, openDeployments } from "./deployment-store.ts";
export { type Gateway, type GatewayOptions, startGateway } from "./gateway.ts";
export { type NatsCompute, type NatsComputeOptions, openNatsCompute } from "./nats-compute.ts";
export { type NatsOptions, openNats } from "./open-nats.ts";
export { startWorker, type Worker, type WorkerOptions } from "./worker.ts";
