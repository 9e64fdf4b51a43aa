// One setup at a time in this folder: two `npm ci`, or two compilers on one `dist`, would undo each other's work.

import { randomBytes } from "node:crypto";
import { readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { ScriptError, say } from "./log.mjs";

const heartbeatMs = 2_000;
/** A holder that is alive touches its lock five times in this while. */
const staleMs = 10_000;

/** Runs `task` while nobody else holds the lock file `path`. The lock of a process that died is taken over. */
export async function withLock(path, task) {
  const owner = `${process.pid} ${hostname()} ${randomBytes(8).toString("hex")}`;
  await acquire(path, owner);
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, heartbeatMs);
  heartbeat.unref();
  const release = () => {
    clearInterval(heartbeat);
    return rm(path, { force: true }).catch(() => undefined);
  };
  const stop = (signal) => release().then(() => process.exit(signal === "SIGINT" ? 130 : 143));
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    return await task();
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
    await release();
  }
}

async function acquire(path, owner) {
  let told = false;
  for (;;) {
    try {
      await writeFile(path, owner, { flag: "wx" });
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw new ScriptError(`Cannot write ${path}: make the folder writable`);
    }
    if (await isAbandoned(path)) {
      await rm(path, { force: true });
      // whoever else found it abandoned has removed it by the time that we try again
      await sleep(100 + 200 * Math.random());
      continue;
    }
    if (!told) say("Waiting for another setup in this folder");
    told = true;
    await sleep(200);
  }
}

async function isAbandoned(path) {
  try {
    const [pid, host] = (await readFile(path, "utf8")).split(" ");
    if (host === hostname() && !isAlive(Number(pid))) return true;
    return Date.now() - (await stat(path)).mtimeMs > staleMs;
  } catch {
    return false; // just released
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
