// `spinn serve`: networks for devices to go on from, until Ctrl-C; looked at again when their files change, or by SIGHUP.

import { messageOf, SpinnError } from "../../errors.ts";
import { hotReload, type ModelFile, readConfig, type Server, type ServerConfig, serve } from "../../server/index.ts";
import { type AccessFlags, accessOf } from "../access-flags.ts";
import { interruptible } from "../interrupt.ts";
import type { Io } from "../io.ts";
import { warnOfOpenDoor } from "../open-door.ts";
import { open } from "../options.ts";
import { serverTelemetry, type TelemetryOptions } from "../server-telemetry.ts";

export interface ServeCommandOptions extends TelemetryOptions, AccessFlags {
  config?: string;
  host?: string;
  port?: number;
  workers?: number;
  threads?: number;
  provider?: string[];
  maxQueued?: number;
  batching?: "on" | "off";
  samples?: string;
  allowOrigin?: readonly string[];
  /** Seconds. */
  grace: number;
  json?: boolean;
}

const STATUS_INTERVAL_MS = 1000;

export async function serveCommand(io: Io, models: string[], options: ServeCommandOptions): Promise<void> {
  const { config, grace, json } = options;
  const configured: ServerConfig = config === undefined ? { models: [] } : await readConfig(config);
  const filesOf = (from: ServerConfig): readonly ModelFile[] =>
    models.length > 0 ? models.map((path) => ({ path })) : from.models;
  const files = filesOf(configured);
  if (files.length === 0)
    throw new SpinnError("Usage", "There is no network to serve", {
      hint: "Name its file, or give `models` in the configuration",
    });
  const flags = flagsOf(options);
  const telemetry = await serverTelemetry(io, options);
  await interruptible(io, async (signal) => {
    const settings = { ...configured, ...flags };
    const { samples: images, ...rest } = settings;
    const samples = images === undefined ? undefined : await open(io, images, "test", signal);
    const { onEvent, onError } = telemetry;
    const server = await serve({ ...rest, models: files, onEvent, onError, ...(samples && { samples }) });
    telemetry.follow(server);
    warnOfOpenDoor(telemetry.log, settings);
    const reloading = hotReload({
      server,
      models: async () => filesOf(config === undefined ? configured : await readConfig(config)),
      initial: files,
      onReload: telemetry.onReload,
      ...(config !== undefined && models.length === 0 && { configPath: config }),
    });
    const reload = (): void => void reloading.now();
    process.on("SIGHUP", reload);
    try {
      io.out(json ? readyLine(server) : greeting(server, files[0]!.path));
      await keepServing(io, server, signal, 1000 * grace);
    } finally {
      process.off("SIGHUP", reload);
      reloading.stop();
      await telemetry.close();
    }
    if (!json) io.err(`Answered ${server.stats().answered} runs`);
  });
}

/** What the command line says goes before the configuration. */
function flagsOf(options: ServeCommandOptions): Partial<ServerConfig> {
  const { host, port, workers, threads, provider, maxQueued, batching, samples, allowOrigin } = options;
  return {
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...(workers !== undefined && { workers }),
    ...(threads !== undefined && { threads }),
    ...(provider && { executionProviders: provider }),
    ...(maxQueued !== undefined && { maxQueued }),
    ...(batching && { batching: batching === "on" }),
    ...(samples !== undefined && { samples }),
    ...(allowOrigin && { allowedOrigins: allowOrigin }),
    ...accessOf(options),
  };
}

/** Shows how a server is doing until it is stopped, then closes it. @param graceMs as for `Server.close` */
export async function keepServing(
  io: Io,
  server: Pick<Server, "stats" | "close">,
  signal: AbortSignal,
  graceMs?: number,
): Promise<void> {
  const status = setInterval(statusLine(io, server), STATUS_INTERVAL_MS);
  try {
    await aborted(signal);
  } finally {
    clearInterval(status);
    await server.close(graceMs);
    io.status("");
  }
}

/** Plain JSON, for scripts. */
export function readyLine({ url, port, models }: Pick<Server, "url" | "port" | "models">): string {
  return JSON.stringify({ url, port, models });
}

function greeting({ url, models }: Server, path: string): string {
  const served = models.map(({ name, hash, exits, cuts }) => {
    return `Serving ${name} (${hash.slice(0, 8)}): ${exits.length} exits, ${cuts.length} cuts`;
  });
  return [...served, `At ${url}; for example: spinn infer ${path} photo.jpg --server ${url}`, ...pageLines(url)].join(
    "\n",
  );
}

/** Where people look. */
export function pageLines(url: string): string[] {
  const page = url.replace(/^ws/, "http");
  return [`Playground ${page}/`, `Console ${page}/console`];
}

/** Says what went wrong, once in a row: who finds a way to make it go wrong does not fill the log. */
export function faultLine(io: Io): (error: unknown) => void {
  let last = "";
  return (error) => {
    const line = messageOf(error);
    if (line !== last) io.err(`spinn: ${line}`);
    last = line;
  };
}

function statusLine(io: Io, server: Pick<Server, "stats">): () => void {
  let before = 0;
  return () => {
    const { clients, queued, answered, refused, loadFactor, meanBatch } = server.stats();
    const perSecond = Math.round(((answered - before) * 1000) / STATUS_INTERVAL_MS);
    before = answered;
    io.status(
      `${clients} clients, ${queued} queued, ${answered} answered (${perSecond}/s), ${refused} refused, load ${loadFactor.toFixed(1)}, batches of ${meanBatch.toFixed(1)}`,
    );
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
