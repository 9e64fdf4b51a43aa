// CIFAR-10 and CIFAR-100 in the "binary version" of their home page: label bytes and three color planes a record.

import { join } from "node:path";
import { SpinnError } from "../errors.ts";
import { cifar10Classes } from "./cifar10.ts";
import type { Dataset } from "./dataset.ts";
import { checkedLabels, readClassNames } from "./labels.ts";
import type { OpenOptions } from "./open-options.ts";
import { packedDataset } from "./packed-dataset.ts";
import { listFolder, readBytes } from "./read-file.ts";

const plane = 32 * 32;

/**
 * CIFAR-10 from `data_batch_*.bin` and `test_batch.bin`.
 *
 * @throws {SpinnError} InvalidData when files are missing, cut off or hold impossible labels; FileAccess
 */
export async function openCifar10Binary(folder: string, options: OpenOptions = {}): Promise<Dataset> {
  const split = options.split ?? "test";
  const wanted = split === "train" ? /^data_batch_\d+\.bin$/ : /^test_batch\.bin$/;
  const files = (await listFolder(folder)).files.filter((name) => wanted.test(name));
  if (files.length === 0)
    throw new SpinnError(
      "InvalidData",
      `${folder} has no ${split === "train" ? "data_batch_1.bin" : "test_batch.bin"}`,
      {
        hint: "Name the folder of CIFAR-10's binary version (cifar-10-batches-bin).",
      },
    );
  const paths = files.map((name) => join(folder, name));
  return await readRecords(`cifar10/${split}`, paths, 1, cifar10Classes);
}

/** CIFAR-100 (fine labels) from `train.bin`, `test.bin` and `fine_label_names.txt`. @throws {SpinnError} as above */
export async function openCifar100Binary(folder: string, options: OpenOptions = {}): Promise<Dataset> {
  const split = options.split ?? "test";
  const classes = await readClassNames(join(folder, "fine_label_names.txt"));
  return await readRecords(`cifar100/${split}`, [join(folder, `${split}.bin`)], 2, classes);
}

/** The label of a record is the last of its `labelBytes`. */
async function readRecords(
  name: string,
  paths: readonly string[],
  labelBytes: number,
  classes: readonly string[],
): Promise<Dataset> {
  const record = labelBytes + 3 * plane;
  const parts = await Promise.all(paths.map((path) => readBytes(path)));
  for (const [i, { length }] of parts.entries())
    if (length === 0 || length % record !== 0)
      throw new SpinnError("InvalidData", `${paths[i]} has ${length} bytes, which is no multiple of ${record}`, {
        hint: "Fetch it anew: it is cut off, or not CIFAR's binary version.",
      });
  const count = parts.reduce((sum, { length }) => sum + length / record, 0);
  const bytes = new Uint8Array(new SharedArrayBuffer(count * 3 * plane));
  const labels: Uint16Array[] = [];
  let to = 0;
  for (const [i, part] of parts.entries()) {
    const own = new Uint8Array(part.length / record);
    for (let image = 0, at = 0; image < own.length; image++) {
      own[image] = part[at + labelBytes - 1]!;
      at += labelBytes;
      for (let p = 0; p < plane; p++, at++) {
        bytes[to++] = part[at]!;
        bytes[to++] = part[at + plane]!;
        bytes[to++] = part[at + 2 * plane]!;
      }
      at += 2 * plane;
    }
    labels.push(checkedLabels(own, classes.length, paths[i]!));
  }
  return packedDataset({
    name,
    classes,
    width: 32,
    height: 32,
    channels: 3,
    bytes,
    labels: Uint16Array.from(labels.flatMap((own) => [...own])),
  });
}
