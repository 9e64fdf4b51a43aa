// A worker: computes for gateways what is deployed. It is the cloud engine behind NATS instead of a WebSocket, and says every second
// that it is there.

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { NatsConnection } from "@nats-io/transport-node";
import { type ComputeOptions, openCompute } from "../compute/index.ts";
import { cacheRoot } from "../data/index.ts";
import { type CloudEngineOptions, type CloudStats, type Compute, createCloudEngine, hexOf } from "../engine/index.ts";
import { SpinnError } from "../errors.ts";
import { programName } from "../package-file.ts";
import type { ServedModel } from "../server/index.ts";
import { listingOf, type ServedNetwork } from "../server/served-network.ts";
import { natsListen } from "../transport/nats.ts";
import { encodeMessage } from "../wire/index.ts";
import type { Deployment } from "./deployment.ts";
import { openDeployments } from "./deployment-store.ts";
import { followDeployments } from "./follow-deployments.ts";
import { openModels } from "./model-store.ts";
import { hereSubject, whoSubject, workerSubject } from "./subjects.ts";

export interface WorkerOptions
  extends Pick<ComputeOptions, "workers" | "threads" | "executionProviders" | "cacheFolder" | "batching">,
    Pick<CloudEngineOptions, "onEvent"> {
  readonly nats: NatsConnection;
  /** Runs that it takes at the same time, of all gateways: what a batch is made of, and no more. @default 32 */
  readonly capacity?: number;
  /** Where networks are kept that were downloaded. @default `models` in the cache (`cacheRoot`) */
  readonly modelFolder?: string;
  /** Program and version, as it tells gateways. @default this program's own */
  readonly agent?: string;
  /** Hears of what is the worker's own fault, and of deployments that it cannot serve. */
  readonly onError?: (error: unknown) => void;
}

export interface Worker {
  /** Names it on NATS. */
  readonly id: string;
  /** Those that it serves now. */
  readonly deployments: readonly Deployment[];
  /** The same, with what is in them. */
  readonly models: readonly ServedModel[];
  stats(): CloudStats;
  /**
   * Takes no more runs, answers those that it has, and frees everything; the connection to NATS stays.
   *
   * @param graceMs runs that take longer are given back. @default 5000
   */
  close(graceMs?: number): Promise<void>;
}

/** How often a worker says that it is there. */
const HERE_INTERVAL_MS = 1000;

/**
 * Resolves when what is deployed is served, but for what cannot be: `onError` hears of that, and it is tried again.
 *
 * @throws {RangeError} for amounts that are none
 * @throws {SpinnError} Connection when NATS keeps no deployments or networks
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const {
    nats,
    capacity = 32,
    modelFolder = join(cacheRoot(), "models"),
    agent = programName(),
    onError,
    onEvent,
    ...compute
  } = options;
  if (!(Number.isInteger(capacity) && capacity > 0)) throw new RangeError(`A worker cannot take ${capacity} runs`);
  const fail = onError ?? (() => {});
  const [deployments, models] = [await openDeployments(nats), await openModels(nats)];
  const id = randomUUID();
  const served = new Map<string, ServedNetwork>();
  const engine = createCloudEngine({
    networks: [],
    agent,
    maxInFlight: capacity,
    maxQueued: capacity,
    servesGateways: true,
    ...(onEvent && { onEvent }),
    onError: fail,
  });
  const here = (network: string): void => {
    const one = served.get(network);
    if (!one || nats.isClosed()) return;
    const { modelHash } = one.compute.network;
    const limits = { maxMessageBytes: engine.maxMessageBytes, maxTensorBytes: 0, maxInFlight: capacity };
    const message = encodeMessage({ kind: "hello", role: "server", modelHash, limits, agent });
    nats.publish(hereSubject(network, id), message);
  };
  const who = nats.subscribe(whoSubject("*"), {
    callback: (error, { subject }) => {
      if (!error) here(subject.slice(whoSubject("").length));
    },
  });
  const listener = natsListen({ nats, subject: workerSubject(id), ...engine });
  const following = await followDeployments(
    deployments,
    {
      async open(deployment) {
        const { name, version, hash } = deployment;
        const path = await models.fetch(deployment, modelFolder);
        const pool = await openWorkerCompute(deployment, { ...compute, model: path });
        served.set(hash, { name, version, hash, path, compute: pool });
        engine.add(pool);
        here(hash);
      },
      async retire({ hash }) {
        served.delete(hash);
        await (await engine.retire(hash))?.close();
      },
    },
    fail,
  );
  const beat = setInterval(() => {
    for (const network of served.keys()) here(network);
  }, HERE_INTERVAL_MS);
  return {
    id,
    get deployments() {
      return following.served;
    },
    get models() {
      return Array.from(served.values(), listingOf);
    },
    stats: () => engine.stats(),
    async close(graceMs) {
      clearInterval(beat);
      if (!nats.isClosed()) who.unsubscribe();
      await following.stop();
      await engine.close(graceMs);
      await listener.close();
      await Promise.all(Array.from(served.values(), (one) => one.compute.close()));
    },
  };
}

/** @throws {SpinnError} InvalidData when the file is another network than was deployed; as `openCompute` */
async function openWorkerCompute(deployment: Deployment, options: ComputeOptions): Promise<Compute> {
  const { name, version, hash } = deployment;
  // how much may wait is for the engine to say, of all networks together
  const pool = await openCompute({ batching: true, ...options, maxQueued: Number.POSITIVE_INFINITY });
  try {
    if (hexOf(pool.network.modelHash) !== hash)
      throw new SpinnError("InvalidData", `${name}@${version} is not the network that was deployed`, {
        hint: "Deploy it again with `spinn deploy`, of the same version as the workers",
      });
    await pool.prepare(
      "input",
      "none",
      pool.network.exits.map(() => 1),
    );
    return pool;
  } catch (error) {
    await pool.close();
    throw error;
  }
}
