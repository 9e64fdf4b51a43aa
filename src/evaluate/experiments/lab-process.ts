// A server or a device in a process of its own, for measured experiments: asked one thing after the other.

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { SpinnError } from "../../errors.ts";
import { workerUrl } from "../../worker-url.ts";
import type { LabReply, LabRequest } from "./lab-protocol.ts";

type Done = LabReply & { readonly kind: "done" };

export interface LabProcess {
  /** @throws {SpinnError} Runtime when it fails or has ended; Aborted */
  ask(request: LabRequest): Promise<Done>;
  close(): void;
}

export function startLabProcess(signal?: AbortSignal): LabProcess {
  const child = fork(fileURLToPath(workerUrl("./lab-process-main.ts", import.meta.url)), {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said = `${said}${chunk.toString()}`.slice(-2000);
  });
  const stop = (): void => void child.kill("SIGKILL");
  signal?.addEventListener("abort", stop, { once: true });
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        if (child.exitCode !== null || child.signalCode !== null || signal?.aborted) {
          reject(new SpinnError("Aborted", "A process of the experiment has ended"));
          return;
        }
        const settle = (finish: () => void): void => {
          child.off("message", onMessage).off("exit", onExit);
          finish();
        };
        const onMessage = (message: unknown): void => {
          const reply = message as LabReply;
          settle(() => {
            if (reply.kind === "done") resolve(reply);
            else reject(new SpinnError("Runtime", `A process of the experiment failed: ${reply.message}`));
          });
        };
        const onExit = (code: number | null, killed: string | null): void => {
          settle(() => {
            if (signal?.aborted) reject(new SpinnError("Aborted", "Stopped during a measurement"));
            else reject(new SpinnError("Runtime", `A process of the experiment ended with ${killed ?? code}. ${said}`));
          });
        };
        child.on("message", onMessage).on("exit", onExit);
        child.send(request);
      }),
    close() {
      signal?.removeEventListener("abort", stop);
      stop();
    },
  };
}
