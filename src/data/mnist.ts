// MNIST and its kin (Fashion-MNIST, KMNIST) as IDX files (Y. LeCun), plain or gzipped.

import { join } from "node:path";
import { SpinnError } from "../errors.ts";
import type { Dataset } from "./dataset.ts";
import { checkedLabels } from "./labels.ts";
import type { OpenOptions } from "./open-options.ts";
import { packedDataset } from "./packed-dataset.ts";
import { listFolder, readBytes, readGzip } from "./read-file.ts";

/**
 * Grey images from `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and `t10k-…`, each with or without `.gz`
 * (and with a dot in place of the dash before `idx`). Classes are named 0 to 9.
 *
 * @throws {SpinnError} InvalidData when files are missing, damaged or disagree; FileAccess
 */
export async function openMnist(folder: string, options: OpenOptions = {}): Promise<Dataset> {
  const split = options.split ?? "test";
  const { files } = await listFolder(folder);
  const images = await readIdx(folder, files, split, "images", 3);
  const labels = await readIdx(folder, files, split, "labels", 1);
  const [count, height, width] = images.dims as [number, number, number];
  if (labels.dims[0] !== count)
    throw new SpinnError("InvalidData", `${labels.path} has ${labels.dims[0]} labels for ${count} images`, {
      hint: "Fetch the files anew.",
    });
  const classes = Array.from({ length: 10 }, (_, digit) => String(digit));
  const bytes = new Uint8Array(new SharedArrayBuffer(images.values.length));
  bytes.set(images.values);
  return packedDataset({
    name: `mnist/${split}`,
    classes,
    width,
    height,
    channels: 1,
    bytes,
    labels: checkedLabels(labels.values, classes.length, labels.path),
  });
}

interface Idx {
  path: string;
  dims: number[];
  values: Uint8Array;
}

async function readIdx(
  folder: string,
  files: readonly string[],
  split: "train" | "test",
  what: "images" | "labels",
  rank: number,
): Promise<Idx> {
  const start = `${split === "train" ? "train" : "t10k"}-${what}`;
  const name = files.find(
    (file) => file.startsWith(start) && /^[-.]idx\d-ubyte(\.gz)?$/.test(file.slice(start.length)),
  );
  if (name === undefined)
    throw new SpinnError("InvalidData", `${folder} has no ${start}-idx${rank}-ubyte`, {
      hint: "Name the folder that holds MNIST's four IDX files.",
    });
  const path = join(folder, name);
  return { path, ...parseIdx(name.endsWith(".gz") ? await readGzip(path) : await readBytes(path), path, rank) };
}

/** IDX: 0, 0, type (8: bytes), rank; sizes as big-endian 32-bit integers; values. */
function parseIdx(bytes: Uint8Array, path: string, rank: number): Omit<Idx, "path"> {
  const wrong = (what: string) => new SpinnError("InvalidData", `${path} ${what}`, { hint: "Fetch it anew." });
  const header = 4 + 4 * rank;
  if (bytes.length < header) throw wrong(`is cut off after ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  if (magic !== (0x0800 | rank)) throw wrong(`is no IDX file of bytes in ${rank} dimensions: it begins with ${magic}`);
  const dims = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const size = dims.reduce((product, dim) => product * dim, 1);
  if (size === 0) throw wrong("is empty");
  if (bytes.length - header !== size) throw wrong(`has ${bytes.length - header} values instead of ${size}`);
  return { dims, values: bytes.subarray(header) };
}
