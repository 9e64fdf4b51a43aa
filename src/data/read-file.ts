// Reading data files: into shared memory, with errors that name the file.

import { open, readFile, stat } from "node:fs/promises";
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
  return (cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT"
    ? new SpinnError("InvalidData", `${path} does not exist`, { hint: "Check the path.", cause })
    : new SpinnError("FileAccess", `Cannot read ${path}`, { hint: "Check its permissions.", cause });
}
