// A device in a process of its own, as slow as an old phone: the other side of every measured experiment.

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Plan } from "../engine/index.ts";
import { SpinnError } from "../errors.ts";
import { workerUrl } from "../worker-url.ts";
import type { Answer, DeviceGo, DeviceReport, DeviceRun } from "./device-run.ts";

export interface EmulatedDeviceEvents {
  /** Model loaded, first image done; the rest begins when the promise resolves. */
  ready?(plan: Plan): Promise<void> | void;
  /** It has chosen another plan. */
  plan?(plan: Plan): void;
  answer?(answer: Answer): void;
  /** There is no answer: the client failed, or the patience of one without a network ended. */
  lost?(image: number, why: string): void;
}

/**
 * Runs the images to the end.
 *
 * @throws {SpinnError} Runtime when the device fails as a whole; Aborted
 */
export function runEmulatedDevice(run: DeviceRun, events: EmulatedDeviceEvents, signal?: AbortSignal): Promise<void> {
  const child = fork(fileURLToPath(workerUrl("./device-process.ts", import.meta.url)), {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said = `${said}${chunk.toString()}`.slice(-2000);
  });
  return new Promise<void>((resolve, reject) => {
    let outcome: DeviceReport | undefined;
    const abort = (): void => {
      child.kill("SIGKILL");
    };
    const go = (): void => {
      if (child.connected) child.send({ kind: "go" } satisfies DeviceGo);
    };
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    child.on("message", (message) => {
      const report = message as DeviceReport;
      if (report.kind === "ready") void Promise.resolve(events.ready?.(report.plan)).then(go);
      else if (report.kind === "plan") events.plan?.(report.plan);
      else if (report.kind === "answer") events.answer?.(report.answer);
      else if (report.kind === "lost") events.lost?.(report.image, report.why);
      else outcome = report;
    });
    child.once("error", reject);
    child.once("exit", (code, killed) => {
      signal?.removeEventListener("abort", abort);
      if (signal?.aborted) reject(new SpinnError("Aborted", "Stopped while a device was running"));
      else if (outcome?.kind === "done") resolve();
      else {
        const why = outcome?.kind === "failed" ? outcome.message : `it ended with ${killed ?? code}. ${said.trim()}`;
        reject(new SpinnError("Runtime", `An emulated device failed: ${why}`));
      }
    });
    child.send(run);
  });
}
