// A server in a process of its own and loads on it, run in phases that take turns: what slows the machine for a while slows all.

import { execFileSync } from "node:child_process";
import { type ServerProcess, startServerProcess } from "../evaluate/index.ts";
import { type Load, type LoadCounts, type LoadTask, openLoad } from "../evaluate/load/index.ts";

/** Of the server: in reality devices have processors of their own, and are punctual however busy the server is. */
const NICENESS = 5;

/** What has to be closed, in the order in which it was opened. */
export class Opened {
  readonly #closers: (() => Promise<void>)[] = [];

  async server(models: readonly string[], args: readonly string[]): Promise<ServerProcess> {
    const server = await startServerProcess({ models, args: ["--max-queued", "256", ...args], niceness: NICENESS });
    this.#closers.push(() => server.stop());
    return server;
  }

  async load(server: ServerProcess, task: Omit<LoadTask, "server">): Promise<Load> {
    const load = await openLoad({ ...task, server: `ws://127.0.0.1:${server.port}` });
    this.#closers.push(() => load.close());
    return load;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

/** @throws {Error} when an answer was wrong or lost, or none came at all: figures of such a server are worth nothing */
export function checked(counts: LoadCounts): LoadCounts {
  const { answered, wrong, lost, problems } = counts;
  if (answered === 0)
    throw new Error(`The server has answered nothing: ${problems[0] ?? "all was refused or too late"}`);
  if (wrong + lost > 0) throw new Error(`${wrong} wrong answers, ${lost} lost: ${problems.join("; ")}`);
  return counts;
}

/** Resident memory of a process. Bytes. */
export function residentBytes({ pid }: { readonly pid: number | undefined }): number {
  return 1024 * Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" }));
}
