// Where things are on NATS: every name that processes of a cluster agree on.

/** Where gateways listen for devices that speak NATS themselves. */
export const DEVICES_SUBJECT = "spinn.devices";

/** Where a worker listens for gateways. @param worker of its own choice, unique */
export function workerSubject(worker: string): string {
  return `spinn.worker.${worker}`;
}

/** Where workers say that they serve a network. @param worker `*`: all of them */
export function hereSubject(network: string, worker: string): string {
  return `spinn.here.${network}.${worker}`;
}

/** Where a gateway asks who serves a network. */
export function whoSubject(network: string): string {
  return `spinn.who.${network}`;
}

/** Of the key-value store: what is to be served. */
export const DEPLOYMENTS_BUCKET = "spinn-deployments";

/** Of the object store: the networks' files. */
export const MODELS_BUCKET = "spinn-models";
