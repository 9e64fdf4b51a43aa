// Cuts networks into slices for download, in a thread of its own: a large one takes longer than the sockets may wait.

import { stat } from "node:fs/promises";
import { parentPort } from "node:worker_threads";
import { type SliceReply, type SliceSource, sliceSource } from "../../engine/slice-source.ts";
import { readModelFile } from "../../onnx/index.ts";
import { type PortableError, packError } from "../../portable-error.ts";

export interface SliceRequest {
  readonly id: number;
  /** Path of the network's file. */
  readonly model: string;
  /** Of what is asked for, below the network's folder, with its query. */
  readonly path: string;
}

export type SliceAnswer = { readonly id: number } & (
  | { readonly reply: SliceReply | undefined }
  | { readonly error: PortableError }
);

/** By path; the file may have changed since it was read. */
const sources = new Map<string, { readonly changedMs: number; readonly source: Promise<SliceSource> }>();

parentPort?.on("message", async ({ id, model, path }: SliceRequest) => {
  try {
    const source = await sourceOf(model);
    parentPort!.postMessage({ id, reply: source(path) } satisfies SliceAnswer);
  } catch (error) {
    sources.delete(model);
    parentPort!.postMessage({ id, error: packError(error) } satisfies SliceAnswer);
  }
});

async function sourceOf(model: string): Promise<SliceSource> {
  // what cannot be asked cannot be read either, and reading says why
  const changedMs = await stat(model).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  const known = sources.get(model);
  if (known?.changedMs === changedMs) return await known.source;
  const source = readModelFile(model).then((read) => sliceSource(read));
  sources.set(model, { changedMs, source });
  return await source;
}
