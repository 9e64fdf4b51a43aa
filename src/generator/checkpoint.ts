// Checkpoints of a training run: everything that decides how it goes on, in one file, replaced in one step.
// Layout: a line of JSON (header), a newline, then the vectors as little-endian float32, in the header's order.

import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { writeAtomically } from "../atomic-write.ts";
import { messageOf, SpinnError } from "../errors.ts";

export interface Checkpoint<Progress> {
  /** Names the run: two runs that would differ in their weights have different fingerprints. */
  readonly fingerprint: string;
  /** Plain JSON. */
  readonly progress: Progress;
  readonly vectors: Readonly<Record<string, Float32Array>>;
}

interface Header<Progress> {
  readonly format: "spinn-checkpoint-1";
  readonly fingerprint: string;
  readonly progress: Progress;
  readonly vectors: Readonly<Record<string, number>>;
}

/** Creates its folder, too. @throws {SpinnError} FileAccess, with the file as it was before and nothing left beside it */
export async function writeCheckpoint<Progress>(path: string, checkpoint: Checkpoint<Progress>): Promise<void> {
  const { fingerprint, progress, vectors } = checkpoint;
  const sizes = Object.fromEntries(Object.entries(vectors).map(([name, v]) => [name, v.length]));
  const header: Header<Progress> = { format: "spinn-checkpoint-1", fingerprint, progress, vectors: sizes };
  const parts: Uint8Array[] = [Buffer.from(`${JSON.stringify(header)}\n`)];
  for (const v of Object.values(vectors)) parts.push(Buffer.from(v.buffer, v.byteOffset, v.byteLength));
  // What is wrong with the folder is said below, by the name of the file that was wanted.
  await mkdir(dirname(path), { recursive: true }).catch(() => undefined);
  await writeAtomically([{ path, parts }]);
}

/**
 * Reads a checkpoint back into `into`, whose vectors give the expected sizes.
 *
 * @returns the progress, or undefined when there is no such file
 * @throws {SpinnError} FileAccess when it cannot be read; Training when it is damaged or belongs to another run
 */
export async function readCheckpoint<Progress>(
  path: string,
  fingerprint: string,
  into: Readonly<Record<string, Float32Array>>,
): Promise<Progress | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new SpinnError("FileAccess", `Cannot read the checkpoint ${path}: ${messageOf(cause)}`, { cause });
  }
  const header = parseHeader<Progress>(path, bytes);
  if (header.fingerprint !== fingerprint) {
    throw new SpinnError(
      "Training",
      `The checkpoint ${path} belongs to a run with another network, data set, seed or option`,
      {
        hint: "Repeat that run's options, or give another checkpoint file",
      },
    );
  }
  let offset = bytes.indexOf(10) + 1;
  for (const [name, vector] of Object.entries(into)) {
    const end = offset + vector.byteLength;
    if (header.vectors[name] !== vector.length || end > bytes.length) throw damaged(path);
    new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength).set(bytes.subarray(offset, end));
    offset = end;
  }
  return header.progress;
}

function parseHeader<Progress>(path: string, bytes: Buffer): Header<Progress> {
  try {
    const header = JSON.parse(bytes.toString("utf8", 0, bytes.indexOf(10))) as Header<Progress>;
    if (header.format === "spinn-checkpoint-1") return header;
  } catch (cause) {
    throw damaged(path, cause);
  }
  throw damaged(path);
}

function damaged(path: string, cause?: unknown): SpinnError {
  return new SpinnError("Training", `The checkpoint ${path} is damaged or no checkpoint`, {
    hint: "Delete it and start again without --resume",
    cause,
  });
}
