// Files that appear whole or not at all: written under another name beside their place, then renamed.

import { randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { SpinnError } from "./errors.ts";

export interface WholeFile {
  readonly path: string;
  readonly parts: Iterable<Uint8Array>;
}

/**
 * Writes files so that each is found complete or as it was before. All are written before the first takes its place.
 *
 * @throws {SpinnError} FileAccess, with nothing left behind
 */
export async function writeAtomically(files: readonly WholeFile[]): Promise<void> {
  const suffix = `.${process.pid}-${randomBytes(4).toString("hex")}.tmp`;
  const temporary = (path: string): string => join(dirname(path), `.${basename(path)}${suffix}`);
  let current = "";
  try {
    for (const { path, parts } of files) {
      current = path;
      await writeThrough(temporary(path), parts);
    }
    for (const { path } of files) {
      current = path;
      await rename(temporary(path), path);
    }
  } catch (cause) {
    await Promise.all(files.map(({ path }) => rm(temporary(path), { force: true }).catch(() => undefined)));
    throw writeError(current, cause);
  }
}

/** Writes and flushes to the disk: a rename must not overtake the bytes when the machine stops. */
async function writeThrough(path: string, parts: Iterable<Uint8Array>): Promise<void> {
  const file = await open(path, "wx");
  try {
    for (const part of parts) await file.writeFile(part);
    await file.sync();
  } finally {
    await file.close();
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "Create its folder first",
  ENOTDIR: "A part of its path is a file: choose another place",
  EISDIR: "It is a folder: choose another name",
  EACCES: "Check the folder's permissions",
  EPERM: "Check the folder's permissions",
  EROFS: "The disk is read-only: choose another place",
  ENOSPC: "The disk is full: make room",
};

function writeError(path: string, cause: unknown): SpinnError {
  const hint = reasons[(cause as NodeJS.ErrnoException | undefined)?.code ?? ""] ?? "Check the folder and the disk";
  return new SpinnError("FileAccess", `Cannot write ${path}`, { hint, cause });
}
