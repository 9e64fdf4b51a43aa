// `spinn serve`: networks for devices to go on from, until Ctrl-C.

import { messageOf } from "../../errors.ts";
import { type Server, serve } from "../../server/index.ts";
import { interruptible } from "../interrupt.ts";
import type { Io } from "../io.ts";
import { open } from "../options.ts";

export interface ServeCommandOptions {
  host: string;
  port: number;
  workers?: number;
  threads?: number;
  provider: string[];
  maxQueued?: number;
  batching: "on" | "off";
  samples?: string;
  allowOrigin?: readonly string[];
  json?: boolean;
}

const STATUS_INTERVAL_MS = 1000;

export async function serveCommand(io: Io, models: string[], options: ServeCommandOptions): Promise<void> {
  const { host, port, workers, threads, provider, maxQueued, batching, allowOrigin, json } = options;
  await interruptible(io, async (signal) => {
    const samples = options.samples === undefined ? undefined : await open(io, options.samples, "test", signal);
    const server = await serve({
      models,
      host,
      port,
      executionProviders: provider,
      batching: batching === "on",
      onError: faultLine(io),
      ...(workers !== undefined && { workers }),
      ...(threads !== undefined && { threads }),
      ...(maxQueued !== undefined && { maxQueued }),
      ...(samples && { samples }),
      ...(allowOrigin && { allowedOrigins: allowOrigin }),
    });
    io.out(json ? readyLine(server) : greeting(server, models));
    await keepServing(io, server, signal);
    if (!json) io.err(`Answered ${server.stats().answered} runs`);
  });
}

/** Shows how a server is doing until it is stopped, then closes it. */
export async function keepServing(io: Io, server: Server, signal: AbortSignal): Promise<void> {
  const status = setInterval(statusLine(io, server), STATUS_INTERVAL_MS);
  try {
    await aborted(signal);
  } finally {
    clearInterval(status);
    await server.close();
    io.status("");
  }
}

/** Plain JSON, for scripts. */
export function readyLine({ url, port, models }: Server): string {
  return JSON.stringify({ url, port, models });
}

function greeting({ url, models }: Server, paths: readonly string[]): string {
  const served = models.map(({ name, hash, exits, cuts }) => {
    return `Serving ${name} (${hash.slice(0, 8)}): ${exits.length} exits, ${cuts.length} cuts`;
  });
  return [
    ...served,
    `At ${url}; for example: spinn infer ${paths[0]} photo.jpg --server ${url}`,
    ...pageLines(url),
  ].join("\n");
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

function statusLine(io: Io, server: Server): () => void {
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
