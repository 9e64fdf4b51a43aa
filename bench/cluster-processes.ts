// A cluster as an operator would run it: nats-server, gateway and workers, each a process, and a server beside them.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { deployModel, openNats } from "../src/cluster/index.ts";
import { type ServerProcess, startServerProcess } from "../src/evaluate/index.ts";
import { packageFile } from "../src/package-file.ts";

const CLI = packageFile("bin/spinn.mjs");
/** Any that is free is not for nats-server to choose: it would not say which. */
const NATS_PORT = 20_000 + (process.pid % 10_000);

export class Processes {
  gatewayUrl = "";
  readonly #folder: string;
  readonly #model: string;
  readonly #all: ChildProcess[] = [];
  readonly #workers: ChildProcess[] = [];
  readonly #nats = `nats://127.0.0.1:${NATS_PORT}`;
  #server: ServerProcess | undefined;

  private constructor(folder: string, model: string) {
    this.#folder = folder;
    this.#model = model;
  }

  /** With a gateway, and the model deployed. @throws {Error} without nats-server */
  static async start(model: string): Promise<Processes> {
    const processes = new Processes(await mkdtemp(join(tmpdir(), "spinn-cluster-")), model);
    try {
      await processes.#begin();
      return processes;
    } catch (error) {
      await processes.close();
      throw error;
    }
  }

  get workers(): number {
    return this.#workers.length;
  }

  async addWorker(): Promise<void> {
    const worker = this.#spawn(process.execPath, [CLI, "serve", "--nats", this.#nats, "--workers", "1", "--json"]);
    await firstLine(worker);
    this.#workers.push(worker);
  }

  /** The oldest, without a word. */
  async killWorker(): Promise<void> {
    const worker = this.#workers.shift();
    if (!worker) throw new Error("There is no worker to kill");
    await end(worker);
  }

  /** @returns where a server is that computes itself, with as many threads as a worker has */
  async server(): Promise<string> {
    this.#server = await startServerProcess({ models: [this.#model], args: ["--workers", "1"] });
    return `ws://127.0.0.1:${this.#server.port}`;
  }

  async stopServer(): Promise<void> {
    await this.#server?.kill();
    this.#server = undefined;
  }

  async close(): Promise<void> {
    await this.stopServer();
    for (const child of this.#all.reverse()) await end(child);
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #begin(): Promise<void> {
    const args = ["-a", "127.0.0.1", "-p", String(NATS_PORT), "-js", "-sd", this.#folder];
    const server = this.#spawn("nats-server", args);
    await new Promise<void>((resolve, reject) => {
      server.once("error", () => reject(new Error("nats-server is not installed: apt-get install nats-server")));
      server.once("exit", (code) => reject(new Error(`nats-server ended with ${code}`)));
      createInterface({ input: server.stderr! }).on("line", (line) => {
        if (line.includes("Server is ready")) resolve();
      });
    });
    const nats = await openNats({ servers: this.#nats, name: "spinn bench" });
    await deployModel(nats, this.#model);
    await nats.close();
    const gateway = this.#spawn(process.execPath, [CLI, "gateway", "--nats", this.#nats, "--port", "0", "--json"]);
    const ready = JSON.parse(await firstLine(gateway)) as { readonly url: string };
    this.gatewayUrl = ready.url;
  }

  #spawn(command: string, args: readonly string[]): ChildProcess {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#all.push(child);
    return child;
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  let said = "";
  child.stderr!.on("data", (chunk: Buffer) => {
    said = `${said}${chunk.toString()}`.slice(-1000);
  });
  return await new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`A process ended with ${code}: ${said}`)));
    createInterface({ input: child.stdout! }).once("line", resolve);
  });
}

/** At once, without a word to it. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}
