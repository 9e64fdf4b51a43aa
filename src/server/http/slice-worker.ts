// Cuts networks into slices for download, in a thread of its own: a large one takes longer than the sockets may wait.

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

const sources = new Map<string, Promise<SliceSource>>();

parentPort?.on("message", async ({ id, model, path }: SliceRequest) => {
  try {
    const opening = sources.get(model) ?? readModelFile(model).then((read) => sliceSource(read));
    sources.set(model, opening);
    const source = await opening;
    parentPort!.postMessage({ id, reply: source(path) } satisfies SliceAnswer);
  } catch (error) {
    sources.delete(model);
    parentPort!.postMessage({ id, error: packError(error) } satisfies SliceAnswer);
  }
});
