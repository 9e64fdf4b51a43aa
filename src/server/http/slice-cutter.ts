// Slices of networks for download, cut by a thread that is started when somebody asks, and ended when nobody has for a while: until
// then it keeps the networks in memory.

import { Worker } from "node:worker_threads";
import type { SliceReply } from "../../engine/index.ts";
import { messageOf, SpinnError } from "../../errors.ts";
import { unpackError } from "../../portable-error.ts";
import { workerUrl } from "../../worker-url.ts";
import type { SliceAnswer, SliceRequest } from "./slice-worker.ts";

export interface SliceCutter {
  /**
   * @param model path of a network's file
   * @param path what is asked for, below the network's folder, with its query
   * @returns undefined when there is no such thing
   * @throws {SpinnError} when the network cannot be read; Overloaded; Aborted when the thread has ended
   */
  cut(model: string, path: string): Promise<SliceReply | undefined>;
  /** Reads a network, since somebody will ask for its slices. */
  warm(model: string): void;
  close(): Promise<void>;
}

/** A page asks for one slice after the other. */
const MAX_WAITING = 64;

interface Waiting {
  resolve(reply: SliceReply | undefined): void;
  reject(error: Error): void;
}

/** @param idleMs after so long without a request the thread is ended. @default 60 000 */
export function createSliceCutter(idleMs = 60_000): SliceCutter {
  const waiting = new Map<number, Waiting>();
  let thread: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  let lastId = 0;

  const end = async (): Promise<void> => {
    clearTimeout(idle);
    const ending = thread;
    thread = undefined;
    await ending?.terminate();
  };
  const start = (): Worker => {
    // none of the process's own flags: with some, --input-type for one, no worker starts
    const started = new Worker(workerUrl("./slice-worker.ts", import.meta.url), { execArgv: [] });
    let reason = "stopped";
    started.on("message", (answer: SliceAnswer) => {
      const asked = waiting.get(answer.id);
      waiting.delete(answer.id);
      if ("error" in answer) asked?.reject(unpackError(answer.error));
      else asked?.resolve(answer.reply);
      if (waiting.size > 0) return;
      started.unref();
      idle = setTimeout(end, idleMs).unref();
    });
    started.on("error", (error) => {
      reason = messageOf(error);
    });
    started.on("exit", () => {
      // ended for want of work, and another one has some by now
      if (thread !== undefined && thread !== started) return;
      thread = undefined;
      for (const { reject } of waiting.values())
        reject(new SpinnError("Aborted", `The thread that cuts networks ended: ${reason}`));
      waiting.clear();
    });
    return started;
  };

  const cut = async (model: string, path: string): Promise<SliceReply | undefined> => {
    if (waiting.size >= MAX_WAITING)
      throw new SpinnError("Overloaded", "Too many slices are asked for", { hint: "Try again in a moment" });
    clearTimeout(idle);
    thread ??= start();
    thread.ref();
    const id = ++lastId;
    thread.postMessage({ id, model, path } satisfies SliceRequest);
    return await new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  };
  return {
    cut,
    // what is wrong is told to whoever asks for a slice
    warm: (model) => void cut(model, "").catch(() => undefined),
    close: end,
  };
}
