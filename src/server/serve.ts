// A server as a whole: networks opened in worker threads, the cloud engine before them, and a WebSocket to reach it.

import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { type ComputeOptions, openCompute } from "../compute/index.ts";
import { type Dataset, openDataset } from "../data/index.ts";
import { type CloudStats, type Compute, createCloudEngine } from "../engine/index.ts";
import { listenWebSocket } from "../transport/index.ts";
import { createHttpSide, type HttpSide } from "./http/http-side.ts";
import type { ServedModel } from "./served-model.ts";
import { hashOfNetwork, listingOf, type ServedNetwork } from "./served-network.ts";

export interface ServeOptions
  extends Pick<ComputeOptions, "threads" | "executionProviders" | "cacheFolder" | "batching"> {
  /** Paths of the networks' files. */
  readonly models: readonly string[];
  /** Address to listen on; `0.0.0.0` lets other machines in. @default "127.0.0.1" */
  readonly host?: string;
  /** 0: a free one. @default 8484 */
  readonly port?: number;
  /** Runs at the same time, of each network. @default a core less than there are: one is left for the sockets */
  readonly workers?: number;
  /** Runs that wait or compute, of all clients; more are refused as busy. @default 64 */
  readonly maxQueued?: number;
  /** Runs without an answer of one client. @default 16 */
  readonly maxInFlight?: number;
  /** @default 1024 */
  readonly maxConnections?: number;
  /** Images for the pages to try: a data set, or its name or folder. @default none */
  readonly samples?: Dataset | string;
  /** Origins whose pages may download the networks, like `https://example.org`; `*`: all. @default none but the server's own */
  readonly allowedOrigins?: readonly string[];
  /** Hears of what is the server's own fault while it serves. */
  readonly onError?: (error: unknown) => void;
}

export interface Server {
  /** Where to dial. */
  readonly url: string;
  readonly port: number;
  readonly models: readonly ServedModel[];
  stats(): CloudStats;
  /**
   * Takes no more runs, finishes those that it has, and frees everything.
   *
   * @param graceMs runs that take longer are refused. @default 5000
   */
  close(graceMs?: number): Promise<void>;
}

/**
 * Ready when it resolves: the slices that a run from `input` needs are there.
 *
 * @throws {RangeError} without models, or for amounts that are none
 * @throws {SpinnError} FileAccess, InvalidModel, UnsupportedModel, Runtime for a network that cannot be opened; Connection when
 *   the port is taken
 * @example const server = await serve({ models: ["resnet56.spinn.onnx"], port: 0 });
 */
export async function serve(options: ServeOptions): Promise<Server> {
  const {
    models,
    host = "127.0.0.1",
    port = 8484,
    maxConnections,
    maxQueued = 64,
    maxInFlight,
    onError,
    ...others
  } = options;
  const { samples, allowedOrigins, ...rest } = others;
  const { workers = Math.max(1, availableParallelism() - 1), batching = true, ...opening } = rest;
  if (models.length === 0) throw new RangeError("A server needs a network to serve");
  const networks: Compute[] = [];
  let http: HttpSide | undefined;
  const closeNetworks = async (): Promise<void> => {
    await Promise.all([http?.close(), ...networks.map((compute) => compute.close())]);
  };
  try {
    for (const model of models) {
      // The engine has a limit for all networks together.
      const compute = await openCompute({ ...opening, batching, model, workers, maxQueued: Number.POSITIVE_INFINITY });
      networks.push(compute);
      await compute.prepare(
        "input",
        "none",
        compute.network.exits.map(() => 1),
      );
    }
    const program = await agent();
    const served = networks.map((compute, i): ServedNetwork => {
      return { name: basename(models[i]!), version: "1", hash: hashOfNetwork(compute), path: models[i]!, compute };
    });
    const engine = createCloudEngine({
      networks,
      agent: program,
      onEvent: (event) => http?.onEvent(event),
      maxQueued,
      ...(maxInFlight !== undefined && { maxInFlight }),
      ...(onError && { onError }),
    });
    const { accept, maxMessageBytes } = engine;
    let isDraining = false;
    http = createHttpSide({
      networks: () => served,
      stats: () => engine.stats(),
      isDraining: () => isDraining,
      agent: program,
      isFull: () => networks.reduce((sum, { pending }) => sum + pending, 0) >= maxQueued,
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
      ...(maxConnections !== undefined && { maxConnections }),
    });
    return {
      url: listener.url,
      port: listener.port,
      models: served.map(listingOf),
      stats: () => engine.stats(),
      async close(graceMs) {
        isDraining = true;
        await engine.close(graceMs);
        await listener.close();
        await closeNetworks();
      },
    };
  } catch (error) {
    await closeNetworks();
    throw error;
  }
}

/** This program and its version, as its hello says. */
async function agent(): Promise<string> {
  const file = await readFile(new URL("../../package.json", import.meta.url), "utf8");
  const { name, version } = JSON.parse(file) as { name: string; version: string };
  return `${name}/${version}`;
}
