// A server as a whole: networks opened in worker threads, the cloud engine before them, and a WebSocket to reach it.

import { availableParallelism } from "node:os";
import { type ComputeOptions, openCompute } from "../compute/index.ts";
import { type Dataset, openDataset } from "../data/index.ts";
import type { CloudEvent } from "../engine/cloud-events.ts";
import { ClientLedger, type CloudEngine, type CloudStats, type Compute, createCloudEngine } from "../engine/index.ts";
import { programName } from "../package-file.ts";
import { listenWebSocket } from "../transport/index.ts";
import { drained } from "./drained.ts";
import { type EntranceOptions, openEntrance } from "./entrance.ts";
import { createHttpSide, type HttpSide } from "./http/http-side.ts";
import { type ModelFile, type NamedModelFile, namedModelFiles } from "./model-file.ts";
import { type ModelChanges, ModelRegistry } from "./model-registry.ts";
import type { ServedModel } from "./served-model.ts";
import { listingOf } from "./served-network.ts";

export interface ServeOptions
  extends Pick<ComputeOptions, "threads" | "executionProviders" | "cacheFolder" | "batching">,
    EntranceOptions {
  /** The networks' files, or their paths. */
  readonly models: readonly (string | ModelFile)[];
  /** Address to listen on; `0.0.0.0` lets other machines in. @default "127.0.0.1" */
  readonly host?: string;
  /** 0: a free one. @default 8484 */
  readonly port?: number;
  /** Runs at the same time, of each network. @default as many as there are cores: what the sockets take of them is less than one */
  readonly workers?: number;
  /** Runs that wait or compute, of all clients; more are refused as busy. @default 64 */
  readonly maxQueued?: number;
  /** Runs without an answer of one client. @default 16 */
  readonly maxInFlight?: number;
  /** Images for the pages to try: a data set, or its name or folder. @default none */
  readonly samples?: Dataset | string;
  /** Hears of all that happens, for logs and traces. Must be quick, and must not throw. */
  readonly onEvent?: (event: CloudEvent) => void;
  /** Hears of what is the server's own fault while it serves. */
  readonly onError?: (error: unknown) => void;
}

export interface Server {
  /** Where to dial. */
  readonly url: string;
  readonly port: number;
  /** Those that are served now. */
  readonly models: readonly ServedModel[];
  stats(): CloudStats;
  /**
   * Serves these files and no others, as they are now, without dropping a run: what is new is opened first, what is gone answers
   * what it has. A file that cannot be opened changes nothing for what it was to replace. Never rejects for what is in the files.
   *
   * @throws {RangeError} without models, or when two have the same name and version
   */
  reload(models: readonly (string | ModelFile)[]): Promise<ModelChanges>;
  /**
   * Takes no more runs, finishes those that it has, and frees everything. Meanwhile `/healthz` says that it is draining.
   *
   * @param graceMs runs that take longer are refused. @default 5000
   */
  close(graceMs?: number): Promise<void>;
}

/** Runs that take longer are refused when their network is retired, or the server closed. */
const GRACE_MS = 5000;

/**
 * Ready when it resolves: the slices that a run from `input` needs are there.
 *
 * @throws {RangeError} without models, for two of the same name and version or the same network, or for amounts that are none
 * @throws {SpinnError} FileAccess, InvalidModel, UnsupportedModel, Runtime for a network that cannot be opened; FileAccess,
 *   InvalidData for tokens or certificates that cannot be used; Connection when the port is taken
 * @example const server = await serve({ models: ["resnet56.spinn.onnx"], port: 0 });
 */
export async function serve(options: ServeOptions): Promise<Server> {
  const { models, host = "127.0.0.1", port = 8484, maxQueued = 64, maxInFlight, samples, limits = {} } = options;
  const { workers = availableParallelism(), batching = true, allowedOrigins } = options;
  const { threads, executionProviders, cacheFolder, onError, onEvent } = options;
  const opening = {
    ...(threads !== undefined && { threads }),
    ...(executionProviders && { executionProviders }),
    ...(cacheFolder !== undefined && { cacheFolder }),
  };
  const files = filesOf(models);
  const openNetwork = async ({
    path,
    workers: own = workers,
    batching: batches = batching,
  }: NamedModelFile): Promise<Compute> => {
    // The engine has a limit for all networks together.
    const unlimited = { maxQueued: Number.POSITIVE_INFINITY };
    const compute = await openCompute({ ...opening, ...unlimited, model: path, workers: own, batching: batches });
    try {
      const { exits } = compute.network;
      await compute.prepare(
        "input",
        "none",
        exits.map(() => 1),
      );
      return compute;
    } catch (error) {
      await compute.close();
      throw error;
    }
  };
  let engine: CloudEngine | undefined;
  const registry = new ModelRegistry({ open: openNetwork, engine: () => engine, graceMs: GRACE_MS });
  const pending = (): number => registry.networks.reduce((sum, { compute }) => sum + compute.pending, 0);
  const ledger = new ClientLedger(limits);
  const entrance = await openEntrance(options, onError);
  let http: HttpSide | undefined;
  const closeAll = async (): Promise<void> => {
    entrance.close();
    await Promise.all([http?.close(), registry.close()]);
  };
  try {
    await registry.open(files);
    const program = programName();
    const tell = (event: CloudEvent): void => {
      http?.onEvent(event);
      onEvent?.(event);
    };
    const serving = createCloudEngine({
      networks: registry.networks.map(({ compute }) => compute),
      agent: program,
      onEvent: tell,
      ledger,
      maxQueued,
      ...(maxInFlight !== undefined && { maxInFlight }),
      ...(onError && { onError }),
    });
    engine = serving;
    const { accept, maxMessageBytes } = serving;
    // the engine knows of devices alone, and HTTP clients have their images computed, too
    const stats = (): CloudStats => ({ ...serving.stats(), queued: pending() });
    let isDraining = false;
    http = createHttpSide({
      networks: () => registry.networks,
      stats,
      isDraining: () => isDraining,
      agent: program,
      isFull: () => pending() >= maxQueued,
      ledger,
      authorize: entrance.authorize,
      ...(onEvent && { onRun: onEvent }),
      ...(samples && {
        samples: typeof samples === "string" ? await openDataset(samples, { split: "test" }) : samples,
      }),
      ...(allowedOrigins && { allowedOrigins }),
      ...(onError && { onError }),
    });
    const listener = await listenWebSocket({
      host,
      port,
      accept,
      maxMessageBytes,
      onRequest: http.onRequest,
      onTurnedAway: (event) => tell({ kind: "turned-away", ...event }),
      ...entrance.door,
    });
    entrance.listening(listener);
    return {
      url: listener.url,
      port: listener.port,
      get models() {
        return registry.networks.map(listingOf);
      },
      stats,
      reload: async (next) => await registry.update(filesOf(next)),
      async close(graceMs = GRACE_MS) {
        isDraining = true;
        await Promise.all([serving.close(graceMs), drained(pending, graceMs)]);
        await http?.close(); // consoles listen for ever
        await listener.close();
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** @throws {RangeError} */
function filesOf(models: readonly (string | ModelFile)[]): readonly NamedModelFile[] {
  if (models.length === 0) throw new RangeError("A server needs a network to serve");
  return namedModelFiles(models);
}
