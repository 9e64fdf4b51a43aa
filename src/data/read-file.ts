// Reading data files: into shared memory, with errors that name the file.

import { open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { SpinnError } from "../errors.ts";

/**
 * The bytes of a file in memory that all threads can see.
 *
 * @throws {SpinnError} InvalidData when there is no such file or it is not `expectedBytes` long; FileAccess otherwise
 */
export async function readShared(path: string, expectedBytes?: number): Promise<Uint8Array<SharedArrayBuffer>> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (expectedBytes !== undefined && size !== expectedBytes)
        throw new SpinnError("InvalidData", `${path} has ${size} bytes instead of ${expectedBytes}`, {
          hint: "Fetch it anew.",
        });
      const bytes = new Uint8Array(new SharedArrayBuffer(size));
      for (let done = 0; done < size; ) {
        const { bytesRead } = await file.read(bytes, done, size - done, done);
        if (bytesRead === 0) throw new SpinnError("InvalidData", `${path} became shorter while it was read`);
        done += bytesRead;
      }
      return bytes;
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw readError(path, cause);
  }
}

/** The bytes of a file. @throws {SpinnError} as {@link readShared} */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw readError(path, cause);
  }
}

/** What a gzip file holds. @throws {SpinnError} as {@link readShared}; InvalidData when it is damaged */
export async function readGzip(path: string): Promise<Uint8Array> {
  const bytes = await readBytes(path);
  try {
    return await promisify(gunzip)(bytes);
  } catch (cause) {
    throw new SpinnError("InvalidData", `${path} is not a whole gzip file`, { hint: "Fetch it anew.", cause });
  }
}

/**
 * Names in a folder, links followed, hidden ones left out, in an order that is the same everywhere.
 *
 * @throws {SpinnError} InvalidData when there is no such folder; FileAccess when it cannot be read
 */
export async function listFolder(path: string): Promise<{ folders: string[]; files: string[] }> {
  if ((await pathKind(path)) === "file")
    throw new SpinnError("InvalidData", `${path} is a file`, { hint: "Name the folder that holds the data." });
  const entries = await readdir(path, { withFileTypes: true }).catch((cause: unknown) => {
    throw readError(path, cause);
  });
  const folders: string[] = [];
  const files: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    const isFolder = entry.isSymbolicLink()
      ? (await pathKind(join(path, entry.name))) === "folder"
      : entry.isDirectory();
    (isFolder ? folders : files).push(entry.name);
  }
  folders.sort();
  files.sort();
  return { folders, files };
}

/** Whether something is there, a folder or a file. */
export async function pathKind(path: string): Promise<"folder" | "file" | undefined> {
  try {
    return (await stat(path)).isDirectory() ? "folder" : "file";
  } catch {
    return undefined;
  }
}

/** `cause` as an error that names the file; a {@link SpinnError} is passed on. */
export function readError(path: string, cause: unknown): SpinnError {
  if (cause instanceof SpinnError) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  if (code === "ENOENT")
    return new SpinnError("InvalidData", `${path} does not exist`, { hint: "Check the path.", cause });
  if (code === "EISDIR")
    return new SpinnError("FileAccess", `${path} is a folder`, { hint: "Name a file in it.", cause });
  return new SpinnError("FileAccess", `Cannot read ${path}`, { hint: "Check its permissions.", cause });
}
