// A gateway: speaks WebSocket (and NATS) to devices and lets workers on NATS compute. Admission, limits, fairness, metrics and pages
// are those of a single server; what it does not have is sessions.

import { join } from "node:path";
import type { NatsConnection } from "@nats-io/transport-node";
import { cacheRoot } from "../data/index.ts";
import {
  ClientLedger,
  type CloudEngineOptions,
  type CloudEvent,
  type CloudStats,
  createCloudEngine,
  describeNetwork,
} from "../engine/index.ts";
import { readModelFile } from "../onnx/index.ts";
import { programName } from "../package-file.ts";
import { drained } from "../server/drained.ts";
import { type EntranceOptions, openEntrance } from "../server/entrance.ts";
import { createHttpSide } from "../server/http/http-side.ts";
import type { ServedModel, Server } from "../server/index.ts";
import { listingOf, type ServedNetwork } from "../server/served-network.ts";
import { listenWebSocket } from "../transport/index.ts";
import { natsListen } from "../transport/nats.ts";
import { openDeployments } from "./deployment-store.ts";
import { followDeployments } from "./follow-deployments.ts";
import { openModels } from "./model-store.ts";
import { type NatsCompute, openNatsCompute } from "./nats-compute.ts";
import { DEVICES_SUBJECT } from "./subjects.ts";

export interface GatewayOptions extends EntranceOptions, Pick<CloudEngineOptions, "onEvent"> {
  readonly nats: NatsConnection;
  /** Address to listen on; `0.0.0.0` lets other machines in. @default "127.0.0.1" */
  readonly host?: string;
  /** 0: a free one. @default 8484 */
  readonly port?: number;
  /** Runs that wait or compute, of all clients; more are refused as busy. @default 1024 */
  readonly maxQueued?: number;
  /** Runs without an answer of one client. @default 16 */
  readonly maxInFlight?: number;
  /** Where networks are kept for pages to download. @default `models` in the cache (`cacheRoot`) */
  readonly modelFolder?: string;
  /** Program and version, as in hello. @default this program's own */
  readonly agent?: string;
  /** Hears of what is the gateway's own fault, and of deployments that it cannot serve. */
  readonly onError?: (error: unknown) => void;
}

export interface Gateway extends Omit<Server, "reload"> {
  /** That take runs now, of all networks. */
  readonly workers: number;
}

/** Runs that take longer are refused when the gateway is closed. */
const GRACE_MS = 5000;

/**
 * Resolves when it listens and knows what is deployed. Networks and workers may come and go afterwards.
 *
 * @throws {RangeError} for amounts that are none
 * @throws {SpinnError} Connection when the port is taken, or NATS keeps no deployments
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { nats, host = "127.0.0.1", port = 8484, maxQueued = 1024, maxInFlight, limits } = options;
  const {
    modelFolder = join(cacheRoot(), "models"),
    allowedOrigins,
    agent = programName(),
    onError,
    onEvent,
  } = options;
  const fail = onError ?? (() => {});
  const [deployments, models] = [await openDeployments(nats), await openModels(nats)];
  const ledger = new ClientLedger(limits ?? {});
  const entrance = await openEntrance(options, onError);
  const served = new Map<string, ServedNetwork & { readonly compute: NatsCompute }>();
  const networks = (): readonly ServedNetwork[] => [...served.values()];
  let isDraining = false;
  const tell = (event: CloudEvent): void => {
    http.onEvent(event);
    onEvent?.(event);
  };
  const engine = createCloudEngine({
    networks: [],
    agent,
    ledger,
    maxQueued,
    ...(maxInFlight !== undefined && { maxInFlight }),
    onError: fail,
    onEvent: tell,
  });
  const pending = (): number => networks().reduce((sum, { compute }) => sum + compute.pending, 0);
  // the engine knows of devices alone, workers compute for HTTP clients, too
  const stats = (): CloudStats => ({ ...engine.stats(), queued: pending() });
  const http = createHttpSide({
    networks,
    stats,
    agent,
    ledger,
    authorize: entrance.authorize,
    ...(onEvent && { onRun: onEvent }),
    isDraining: () => isDraining,
    isFull: () => pending() >= maxQueued,
    ...(allowedOrigins && { allowedOrigins }),
    ...(onError && { onError }),
  });
  const listener = await listenWebSocket({
    host,
    port,
    ...engine,
    onRequest: http.onRequest,
    onTurnedAway: (event) => tell({ kind: "turned-away", ...event }),
    ...entrance.door,
  }).catch(async (error: unknown) => {
    entrance.close();
    await http.close();
    throw error;
  });
  entrance.listening(listener);
  // who comes by NATS proves nothing to us: where clients are told apart there is one door
  const isOpenToAll = options.tokens === undefined && limits === undefined;
  const natsListener = isOpenToAll ? natsListen({ nats, subject: DEVICES_SUBJECT, ...engine }) : undefined;
  const following = await followDeployments(
    deployments,
    {
      async open(deployment) {
        const { name, version, hash, maxQueued } = deployment;
        const path = await models.fetch(deployment, modelFolder);
        const network = describeNetwork(await readModelFile(path));
        const compute = openNatsCompute({ nats, network, maxQueued, agent });
        served.set(hash, { name, version, hash, path, compute });
        engine.add(compute);
      },
      async retire({ hash }) {
        const retired = await engine.retire(hash);
        served.delete(hash);
        await retired?.close();
      },
    },
    fail,
  );
  return {
    url: listener.url,
    port: listener.port,
    get models(): readonly ServedModel[] {
      return networks().map(listingOf);
    },
    get workers() {
      return [...served.values()].reduce((sum, { compute }) => sum + compute.workers, 0);
    },
    stats,
    async close(graceMs = GRACE_MS) {
      isDraining = true;
      await following.stop();
      await Promise.all([engine.close(graceMs), drained(pending, graceMs)]);
      entrance.close();
      await http.close(); // consoles listen for ever
      await Promise.all([listener.close(), natsListener?.close()]);
      await Promise.all(networks().map(({ compute }) => compute.close()));
    },
  };
}
