// Ctrl-C: the first one asks the work to stop where it loses nothing, the second one ends the program.

import type { Io } from "./io.ts";

/** Runs `work` with a signal that Ctrl-C (or SIGTERM) aborts. */
export async function interruptible<T>(io: Io, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130);
    io.err("Stopping where nothing is lost; once more to stop at once");
    controller.abort();
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}
