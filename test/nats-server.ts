// A real nats-server for tests: on a free port, with a store of its own that is gone afterwards.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type NatsConnection } from "@nats-io/transport-node";

export interface NatsServer {
  readonly url: string;
  /** At once, without a word (SIGKILL). */
  kill(): Promise<void>;
  /** Again on the same port, with the same store. */
  start(): Promise<void>;
  /** A client's connection; closed with the server. */
  client(): Promise<NatsConnection>;
  close(): Promise<void>;
}

export const noNats = "skipped: nats-server is not installed (apt-get install nats-server)";

export function hasNats(): boolean {
  return spawnSync("nats-server", ["--version"], { stdio: "ignore" }).status === 0;
}

export async function startNats(args: readonly string[] = []): Promise<NatsServer> {
  const folder = await mkdtemp(join(tmpdir(), "spinn-nats-"));
  const port = await freePort();
  const url = `nats://127.0.0.1:${port}`;
  const clients: NatsConnection[] = [];
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const started = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", folder, ...args], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    child = started;
    await new Promise<void>((resolve, reject) => {
      let said = "";
      started.once("error", reject);
      started.once("exit", (code) => reject(new Error(`nats-server ended with ${code}: ${said}`)));
      started.stderr.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes("Server is ready")) resolve();
      });
    });
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const gone = new Promise((resolve) => ending.once("exit", resolve));
    ending.kill(signal);
    await gone;
  };

  await start();
  return {
    url,
    start,
    kill: () => end("SIGKILL"),
    async client() {
      const client = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
      clients.push(client);
      return client;
    },
    async close() {
      await Promise.all(clients.map((client) => client.close()));
      await end("SIGTERM");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => probe.once("listening", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === "string") throw new Error("there is no free port");
  return address.port;
}
