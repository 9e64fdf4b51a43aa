// ONNX files on disk (Node only): what is read is a model that we can work with, what is written is whole.

import { readFile, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { writeAtomically } from "../atomic-write.ts";
import { SpinnError } from "../errors.ts";
import { decodeModel, encodeModel } from "./codec.ts";
import { externalize, loadExternalData } from "./external-data.ts";
import type { ModelProto } from "./proto.ts";
import { validateModel } from "./validate.ts";
import { weightBytes } from "./weight-bytes.ts";

/** Protobuf messages end here; what is larger needs external data. */
const MAX_PROTOBUF_BYTES = 2 ** 31 - 1;
/** Left for everything that is not a weight when deciding whether a model fits into one file. */
const ROOM_FOR_STRUCTURE = 64 * 2 ** 20;

/**
 * Reads and validates a model, external data included (it ends up in memory).
 *
 * @throws {SpinnError} FileAccess, InvalidModel or UnsupportedModel; the message starts with the path
 */
export async function readModelFile(path: string): Promise<ModelProto> {
  const bytes = await readBytes(path);
  try {
    return validateModel(await loadExternalData(decodeModel(bytes), dirname(path)));
  } catch (error) {
    throw error instanceof SpinnError ? inFile(path, error) : error;
  }
}

export interface WriteModelOptions {
  /**
   * Whether large weights go to `<name>.data` beside the model. @default only past the 2 GB that one ONNX file can hold
   */
  externalData?: boolean;
}

/**
 * Writes a model so that the file appears whole or not at all.
 *
 * @throws {SpinnError} FileAccess when it cannot be written
 */
export async function writeModelFile(path: string, model: ModelProto, options: WriteModelOptions = {}): Promise<void> {
  if (!(options.externalData ?? weightBytes(model) > MAX_PROTOBUF_BYTES - ROOM_FOR_STRUCTURE)) {
    await writeAtomically([{ path, parts: [encodeModel(model)] }]);
    return;
  }
  const data = `${path}.data`;
  const { model: stub, parts } = externalize(model, basename(data));
  await writeAtomically([
    { path: data, parts },
    { path, parts: [encodeModel(stub)] },
  ]);
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    // Asked before opening: opening a pipe would wait for its writer.
    const stats = await stat(path);
    if (stats.isDirectory()) throw noModel("FileAccess", path, "is a folder", "Name the ONNX file");
    if (!stats.isFile()) throw noModel("FileAccess", path, "is not a file", "Name the ONNX file");
    if (stats.size === 0) throw noModel("InvalidModel", path, "is empty", "Export or copy it again");
    if (stats.size > MAX_PROTOBUF_BYTES) {
      throw noModel("InvalidModel", path, "is larger than an ONNX file can be", "Export it with external data");
    }
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof SpinnError) throw cause;
    const missing = (cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
    throw missing
      ? noModel("FileAccess", path, "does not exist", "Check the path", cause)
      : noModel("FileAccess", path, "cannot be read", "Check its permissions", cause);
  }
}

function noModel(code: "FileAccess" | "InvalidModel", path: string, why: string, hint: string, cause?: unknown): Error {
  return new SpinnError(code, `${path} ${why}`, { hint, cause });
}

/** The same error with the file in front: for whoever reads more out of a model than {@link readModelFile} does. */
export function inFile(path: string, error: SpinnError): SpinnError {
  const { code, hint, message } = error;
  const bare = hint ? message.slice(0, -`. ${hint}`.length) : message;
  return new SpinnError(code, `${path}: ${bare}`, { ...(hint ? { hint } : {}), cause: error });
}
