// Weights outside the ONNX file: a tensor names a file beside the model, an offset and a length (ONNX, ExternalData.md).
// The name comes from a stranger's file, so that nothing outside the model's folder is ever opened.

import { type FileHandle, open, realpath, stat } from "node:fs/promises";
import { isAbsolute, join, relative, sep, win32 } from "node:path";
import { SpinnError } from "../errors.ts";
import { sizeOf } from "../tensor.ts";
import { graphOf } from "./graph-index.ts";
import { label } from "./label.ts";
import { DataLocation, edit, externalEntries, type ModelProto, type TensorProto } from "./proto.ts";
import { bytesPerElement, dimsOf } from "./tensor-values.ts";

/** Where a page begins: the alignment at which runtimes can map weights into memory instead of reading them. */
const PAGE = 4096;
/** Smaller tensors (shapes, scalars, biases) stay in the model, where shape inference finds them. */
const MIN_EXTERNAL_BYTES = 1024;
/** One system call reads no more than 2 GB. */
const MAX_READ = 2 ** 30;

/**
 * The model with all external tensors loaded into memory; the very same one when there are none.
 *
 * @param folder where the model's file lies
 * @throws {SpinnError} InvalidModel for a reference that leaves the folder or its file, FileAccess for a missing file
 */
export async function loadExternalData(model: ModelProto, folder: string): Promise<ModelProto> {
  const graph = graphOf(model);
  if (!graph.initializer.some(isExternal)) return model;
  const files = new ExternalFiles(folder);
  try {
    const initializer: TensorProto[] = [];
    for (const tensor of graph.initializer) initializer.push(isExternal(tensor) ? await files.load(tensor) : tensor);
    return edit(model, { graph: edit(graph, { initializer }) });
  } finally {
    await files.close();
  }
}

function isExternal(tensor: TensorProto): boolean {
  return tensor.dataLocation === DataLocation.EXTERNAL;
}

class ExternalFiles {
  readonly #folder: string;
  readonly #open = new Map<string, { file: FileHandle; size: number }>();
  /** Tensors may share bytes (tied weights): each range is read once. */
  readonly #ranges = new Map<string, Uint8Array<ArrayBuffer>>();
  #loaded = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async load(tensor: TensorProto): Promise<TensorProto> {
    const entries = new Map(tensor.externalData.map((e) => [e.key, e.value]));
    const location = entries.get("location") ?? "";
    const { file, size } = await this.#file(tensor, location);
    const offset = natural(tensor, "offset", entries.get("offset")) ?? 0;
    const length = natural(tensor, "length", entries.get("length")) ?? expectedBytes(tensor) ?? size - offset;
    if (!(length >= 0 && offset + length <= size)) {
      throw broken(tensor, `wants bytes ${offset} to ${offset + length} of ${label(location)}, which has ${size}`);
    }
    const key = `${offset} ${length} ${location}`;
    const known = this.#ranges.get(key);
    const rawData = known ?? (await this.#read(tensor, file, offset, length));
    this.#ranges.set(key, rawData);
    return edit(tensor, { rawData, dataLocation: DataLocation.DEFAULT, externalData: [] });
  }

  async close(): Promise<void> {
    for (const { file } of this.#open.values()) await file.close();
  }

  async #file(tensor: TensorProto, location: string): Promise<{ file: FileHandle; size: number }> {
    const known = this.#open.get(location);
    if (known) return known;
    const path = join(this.#folder, location);
    if (location === "" || isAbsolute(location) || win32.isAbsolute(location) || leaves(this.#folder, path)) {
      throw broken(tensor, `points outside the model's folder: ${label(location)}`);
    }
    try {
      // A link inside the folder must not lead out of it either.
      if (leaves(await realpath(this.#folder), await realpath(path))) {
        throw broken(tensor, `points outside the model's folder: ${label(location)}`, "Replace the link by a copy");
      }
      // Asked before opening: opening a pipe would wait for its writer.
      const stats = await stat(path);
      if (!stats.isFile()) throw broken(tensor, `points at ${label(location)}, which is not a file`);
      const found = { file: await open(path), size: stats.size };
      this.#open.set(location, found);
      return found;
    } catch (cause) {
      if (cause instanceof SpinnError) throw cause;
      throw new SpinnError("FileAccess", `Tensor ${label(tensor.name)} lies in ${path}, which cannot be read`, {
        hint: "Put the model's data file beside it",
        cause,
      });
    }
  }

  async #read(tensor: TensorProto, file: FileHandle, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    // Without this, a small file whose ranges overlap could name any amount of memory.
    this.#loaded += length;
    let available = 0;
    for (const { size } of this.#open.values()) available += size;
    if (this.#loaded > available) throw broken(tensor, "overlaps other tensors of its data file");
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await file.read(bytes, done, Math.min(length - done, MAX_READ), offset + done);
      if (bytesRead === 0) throw broken(tensor, "lies in a file that became shorter while it was read");
      done += bytesRead;
    }
    return bytes;
  }
}

function leaves(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === "" || way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way);
}

function natural(tensor: TensorProto, key: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw broken(tensor, `has the external ${key} ${label(text)}, which is not a number of bytes`);
}

function expectedBytes(tensor: TensorProto): number | undefined {
  const width = bytesPerElement(tensor.dataType);
  return width === undefined ? undefined : width * sizeOf(dimsOf(tensor));
}

function broken(tensor: TensorProto, why: string, hint = "Copy the model and its data files again"): SpinnError {
  return new SpinnError("InvalidModel", `Tensor ${label(tensor.name)} ${why}`, { hint });
}

export interface Externalized {
  readonly model: ModelProto;
  /** The data file's contents in order. */
  readonly parts: readonly Uint8Array[];
}

/** The model with its large raw weights moved to a file called `location` beside it. */
export function externalize(model: ModelProto, location: string): Externalized {
  const graph = graphOf(model);
  const parts: Uint8Array[] = [];
  let end = 0;
  const initializer = graph.initializer.map((tensor) => {
    const { rawData } = tensor;
    if (rawData.byteLength < MIN_EXTERNAL_BYTES) return tensor;
    const gap = (PAGE - (end % PAGE)) % PAGE;
    const offset = end + gap;
    parts.push(new Uint8Array(gap), rawData);
    end = offset + rawData.byteLength;
    return edit(tensor, {
      rawData: new Uint8Array(0),
      dataLocation: DataLocation.EXTERNAL,
      externalData: externalEntries({ location, offset, length: rawData.byteLength }),
    });
  });
  return { model: edit(model, { graph: edit(graph, { initializer }) }), parts };
}
