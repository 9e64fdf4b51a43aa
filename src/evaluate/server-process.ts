// A server in a process of its own, to be killed, frozen and restarted as in real life.

import { type ChildProcess, spawn } from "node:child_process";
import { setPriority } from "node:os";
import { createInterface } from "node:readline";
import { SpinnError } from "../errors.ts";
import { packageFile } from "../package-file.ts";

export interface ServerProcessOptions {
  /** Model files to serve. */
  readonly models: readonly string[];
  /** @default a free one, which stays the same over restarts */
  readonly port?: number;
  /** Further arguments of `spinn serve`. */
  readonly args?: readonly string[];
  /** @default 60 000 */
  readonly startTimeoutMs?: number;
  /**
   * Niceness, from 0 to 19: a server that starts must not take the cores of a device which in reality is another machine.
   * @default 0
   */
  readonly niceness?: number;
  /** Hears each line of its log. */
  readonly onLog?: (line: string) => void;
}

export interface ServerProcess {
  readonly port: number;
  /** Of the process; undefined when none was started. */
  readonly pid: number | undefined;
  readonly running: boolean;
  /** At once, without a word to anybody (SIGKILL). Resolves when it is gone. */
  kill(): Promise<void>;
  /** Not scheduled any more, its connections stay open (SIGSTOP). */
  freeze(): void;
  thaw(): void;
  /** Again on the same port. @throws {SpinnError} Runtime when it does not come up */
  start(): Promise<void>;
  /** As an operator would (SIGTERM), by force when that takes too long. */
  stop(): Promise<void>;
}

const CLI = packageFile("bin/spinn.mjs");
const STOP_TIMEOUT_MS = 5000;

/** Starts `spinn serve` and waits until it is ready. @throws {SpinnError} Runtime, with what it said, when it is not */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const { models, args = [], startTimeoutMs = 60_000, niceness = 0, onLog } = options;
  let port = options.port ?? 0;
  let child: ChildProcess | undefined;
  const running = (): boolean => child !== undefined && child.exitCode === null && child.signalCode === null;

  const start = async (): Promise<void> => {
    if (running()) return;
    const started = spawn(process.execPath, [CLI, "serve", ...models, "--json", "--port", String(port), ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child = started;
    if (niceness !== 0 && started.pid !== undefined) setPriority(started.pid, niceness);
    if (onLog) createInterface({ input: started.stderr }).on("line", onLog);
    port = await readyPort(started, startTimeoutMs);
  };
  const end = async (signal: "SIGKILL" | "SIGTERM"): Promise<void> => {
    const ending = child;
    if (!ending || !running()) return;
    const gone = new Promise<void>((resolve) => ending.once("exit", () => resolve()));
    ending.kill("SIGCONT");
    ending.kill(signal);
    const force = setTimeout(() => ending.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await gone;
    clearTimeout(force);
  };

  await start();
  return {
    get port() {
      return port;
    },
    get pid() {
      return child?.pid;
    },
    get running() {
      return running();
    },
    start,
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    freeze() {
      if (running()) child?.kill("SIGSTOP");
    },
    thaw() {
      if (running()) child?.kill("SIGCONT");
    },
  };
}

/** The port in the line that `spinn serve --json` prints when it is ready. */
function readyPort(child: ChildProcess, timeoutMs: number): Promise<number> {
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said = `${said}${chunk.toString()}`.slice(-2000);
  });
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      reject(new SpinnError("Runtime", `The server ${why}: ${said.trim().split("\n").at(-1) ?? ""}`));
    };
    const timer = setTimeout(() => fail(`was not ready after ${timeoutMs} ms`), timeoutMs);
    child.once("error", (error) => fail(`cannot be started (${error.message})`));
    child.once("exit", (code, signal) => fail(`ended with ${signal ?? code} before it was ready`));
    createInterface({ input: child.stdout! }).once("line", (line) => {
      try {
        const { port } = JSON.parse(line) as { port?: unknown };
        if (typeof port !== "number") throw new TypeError("no port");
        clearTimeout(timer);
        child.removeAllListeners("exit");
        resolve(port);
      } catch {
        fail(`said ${JSON.stringify(line.slice(0, 80))} instead of its port`);
      }
    });
  });
}
