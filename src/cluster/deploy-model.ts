// Deploying a network: its file into the object store, then its name into the key-value store, where workers and gateways find it.

import { basename } from "node:path";
import type { NatsConnection } from "@nats-io/transport-node";
import { describeNetwork, hexOf } from "../engine/index.ts";
import { encodeModel, readModelFile } from "../onnx/index.ts";
import { checkDeploymentName, type Deployment, deploymentKey, parseDeployment } from "./deployment.ts";
import { openDeployments } from "./deployment-store.ts";
import { openModels } from "./model-store.ts";

export interface DeployOptions {
  /** Letters, digits, - and _. @default the file's name up to its first dot */
  readonly name?: string;
  /** Versions are served beside each other; the same one again is replaced. @default "1" */
  readonly version?: string;
  /** Runs that may wait at one gateway. @default 256 */
  readonly maxQueued?: number;
}

/**
 * Resolves when it is stored; workers begin with it then, without a request being dropped.
 *
 * @throws {SpinnError} Usage for a name or version that is none; FileAccess, InvalidModel, UnsupportedModel for the file;
 *   Connection
 * @example await deployModel(nats, "resnet56.spinn.onnx", { version: "2" });
 */
export async function deployModel(
  nats: NatsConnection,
  path: string,
  options: DeployOptions = {},
): Promise<Deployment> {
  const { name = basename(path).split(".")[0]!, version = "1", maxQueued } = options;
  checkDeploymentName({ name, version });
  const model = await readModelFile(path);
  const hash = hexOf(describeNetwork(model).modelHash);
  const [models, deployments] = [await openModels(nats), await openDeployments(nats)];
  // whatever weights lay beside the file are in it now
  const fileHash = await models.put(encodeModel(model));
  const text = JSON.stringify({ name, version, hash, fileHash, ...(maxQueued !== undefined && { maxQueued }) });
  const deployment = parseDeployment(deploymentKey({ name, version }), text);
  await deployments.put(deployment);
  return deployment;
}
