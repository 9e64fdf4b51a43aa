// The folder on this machine that keeps downloaded data, and how files get into it whole although processes compete.

import { mkdir, open, rm, stat, utimes } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { writeAtomically } from "../atomic-write.ts";
import { SpinnError } from "../errors.ts";

/** Where downloads are kept: `$SPINN_CACHE`, else `$XDG_CACHE_HOME/spinn`, else `~/.cache/spinn`. */
export function cacheRoot(env: NodeJS.ProcessEnv = process.env): string {
  if (env.SPINN_CACHE) return env.SPINN_CACHE;
  return join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "spinn");
}

/** Writes a file so that a reader finds it complete or not at all. @throws {SpinnError} FileAccess */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
  await writeAtomically([{ path, parts: [bytes] }]);
}

const heartbeatMs = 2_000;
/** A holder that is alive touches its lock five times in this while. */
const staleMs = 10_000;

/**
 * Runs `task` while no other process runs one under the same lock file, so that two of them do not download the same.
 * A lock whose owner died is broken after ten seconds; should two then run at once, both still write whole files.
 *
 * @throws {SpinnError} Aborted while waiting; FileAccess when the folder cannot be written
 */
export async function withLock<T>(path: string, task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  await mkdir(dirname(path), { recursive: true }).catch((cause: unknown) => {
    throw cannotWrite(path, cause);
  });
  for (;;) {
    if (signal?.aborted) throw new SpinnError("Aborted", `Stopped while waiting for ${path}`);
    try {
      await (await open(path, "wx")).close();
      break;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cannotWrite(path, cause);
      const age = await stat(path).then(
        (found) => Date.now() - found.mtimeMs,
        () => 0, // just released
      );
      if (age > staleMs) await rm(path, { force: true });
      else await sleep(200);
    }
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, heartbeatMs);
  heartbeat.unref();
  try {
    return await task();
  } finally {
    clearInterval(heartbeat);
    await rm(path, { force: true }).catch(() => undefined);
  }
}

function cannotWrite(path: string, cause: unknown): SpinnError {
  return new SpinnError("FileAccess", `Cannot write ${path}`, {
    hint: "Make the folder writable, or set SPINN_CACHE to one that is.",
    cause,
  });
}
