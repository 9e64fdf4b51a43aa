// Load on a server: many emulated devices in a few processes, connected once, run as often as one likes.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { SpinnError } from "../../errors.ts";
import { workerUrl } from "../../worker-url.ts";
import type { LoadCommand, LoadCounts, LoadReply, LoadTask } from "./load-plan.ts";
import { mergeCounts } from "./merge-counts.ts";

export interface Load {
  /**
   * @param seconds that are counted, after a warm-up
   * @returns counts by group of devices
   * @throws {SpinnError} Runtime when a load process fails
   */
  run(seconds: number, warmUpMs?: number): Promise<Readonly<Record<string, LoadCounts>>>;
  /** Processor cores that the devices took in the last run, on average; a server on the same machine did not have these. */
  readonly cores: number;
  /** Of its processes. */
  readonly pids: readonly number[];
  close(): Promise<void>;
}

/**
 * Starts the processes and connects all devices.
 *
 * @param processes among which the devices are dealt out
 * @throws {SpinnError} Runtime when the server cannot be reached, or has another network
 */
export async function openLoad(task: LoadTask, processes = 1): Promise<Load> {
  const workers = Array.from({ length: Math.min(processes, task.devices.length) }, () => new LoadProcess());
  const close = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.close()));
  };
  try {
    await Promise.all(
      workers.map((worker, i) => {
        const devices = task.devices.filter((_, device) => device % workers.length === i);
        return worker.ask({ kind: "open", task: { ...task, devices } });
      }),
    );
  } catch (error) {
    await close();
    throw error;
  }
  let cores = 0;
  return {
    get cores() {
      return cores;
    },
    async run(seconds, warmUpMs = 0) {
      const from = performance.now();
      const replies = await Promise.all(workers.map((worker) => worker.ask({ kind: "run", seconds, warmUpMs })));
      const all = replies.map((reply) => (reply.kind === "counts" ? reply.counts : {}));
      const cpuMs = replies.reduce((sum, reply) => sum + (reply.kind === "counts" ? reply.cpuMs : 0), 0);
      cores = cpuMs / (performance.now() - from);
      const groups = [...new Set(all.flatMap((counts) => Object.keys(counts)))];
      const of = (group: string): LoadCounts[] => all.flatMap((counts) => counts[group] ?? []);
      return Object.fromEntries(groups.map((group) => [group, mergeCounts(of(group))]));
    },
    pids: workers.flatMap(({ pid }) => pid ?? []),
    close,
  };
}

class LoadProcess {
  readonly #child: ChildProcess = fork(fileURLToPath(workerUrl("./load-process.ts", import.meta.url)), {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    // packets are bytes, not lists of numbers
    serialization: "advanced",
  });

  get pid(): number | undefined {
    return this.#child.pid;
  }

  ask(command: LoadCommand): Promise<Exclude<LoadReply, { readonly kind: "failed" }>> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#child.off("message", heard);
        this.#child.off("exit", ended);
      };
      const heard = (message: unknown): void => {
        const reply = message as LoadReply;
        settle();
        if (reply.kind === "failed") reject(new SpinnError("Runtime", `Emulated devices failed: ${reply.message}`));
        else resolve(reply);
      };
      const ended = (): void => {
        settle();
        reject(new SpinnError("Runtime", "A process of emulated devices has ended"));
      };
      this.#child.once("message", heard);
      this.#child.once("exit", ended);
      this.#child.send(command);
    });
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.disconnect();
    await gone;
  }
}
