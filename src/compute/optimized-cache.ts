// Optimised graphs on disk: whole or not there, damaged ones as good as none, the ones not used for longest make room.

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "../atomic-write.ts";

const SUFFIX = ".optimized";
const HASH_BYTES = 32;
/** Each about as large as its network. */
const MAX_FILES = 16;

/** The bytes kept under a name; undefined when there are none, or others than were written. */
export async function readOptimized(folder: string, name: string): Promise<Uint8Array | undefined> {
  const path = join(folder, name + SUFFIX);
  const file = await readFile(path).catch(() => undefined);
  if (!file) return undefined;
  const bytes = file.subarray(HASH_BYTES);
  if (!sha256(bytes).equals(file.subarray(0, HASH_BYTES))) return undefined;
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
  return bytes;
}

/** Where nothing can be written nothing is kept: it is made anew the next time. */
export async function keepOptimized(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await writeAtomically([{ path: join(folder, name + SUFFIX), parts: [sha256(bytes), bytes] }]);
    await makeRoom(folder);
  } catch {
    // a cache is no promise
  }
}

async function makeRoom(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(SUFFIX));
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      return { path, usedMs: (await stat(path)).mtimeMs };
    }),
  );
  files.sort((a, b) => b.usedMs - a.usedMs);
  for (const { path } of files.slice(MAX_FILES)) await rm(path, { force: true });
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
