// A folder of images, one folder a class, split by subfolders or, failing that, by the files' names.

import { basename, join } from "node:path";
import { SpinnError } from "../errors.ts";
import { mixSeed } from "../random.ts";
import { readClassTable } from "./class-table.ts";
import type { Dataset } from "./dataset.ts";
import { filesDataset } from "./files-dataset.ts";
import type { OpenOptions, Split } from "./open-options.ts";
import { listFolder } from "./read-file.ts";

const imageName = /\.(jpe?g|png|webp)$/i;
/** The test split of a folder that has none: this share of each class, one image at least. */
const testShare = 0.2;

/**
 * JPEG, PNG or WebP files in one folder a class. Where `root` has `train` and one of `val`, `validation` and `test`,
 * these are the splits; otherwise a fifth of each class is for testing, chosen by a hash of the files' names, so that
 * the same files give the same split on every machine and a new file moves few others.
 *
 * @throws {SpinnError} InvalidData when the folder is not laid out so, naming what is wrong; FileAccess
 */
export async function openImageFolder(root: string, options: OpenOptions = {}): Promise<Dataset> {
  const split = options.split ?? "test";
  const { folders } = await listFolder(root);
  const testFolder = ["val", "validation", "test"].find((name) => folders.includes(name));
  const isSplit = folders.includes("train") && testFolder !== undefined;
  const own = isSplit ? join(root, split === "train" ? "train" : testFolder) : root;
  const members = await readClasses(own);
  const names = [...members.keys()];
  if (isSplit) await checkSameClasses(names, own, join(root, split === "train" ? testFolder : "train"));

  const paths: string[] = [];
  const labels: number[] = [];
  for (const [label, [name, files]] of [...members].entries()) {
    const chosen = isSplit ? files : splitFiles(files, split, join(own, name));
    for (const file of chosen) paths.push(join(own, name, file));
    for (const _ of chosen) labels.push(label);
  }
  return filesDataset({
    name: `${basename(root)}/${split}`,
    ...((await readClassTable(root, names)) ?? { classes: names }),
    paths,
    labels: Uint16Array.from(labels),
  });
}

/** Image files of each class folder. */
async function readClasses(root: string): Promise<Map<string, string[]>> {
  const { folders, files } = await listFolder(root);
  const stray = files.find((name) => imageName.test(name));
  if (stray !== undefined)
    throw new SpinnError("InvalidData", `${join(root, stray)} lies where class folders are expected`, {
      hint: "Put images into one folder a class.",
    });
  if (folders.length === 0)
    throw new SpinnError("InvalidData", `${root} has no class folders`, {
      hint: "Make one folder a class and put its images into it.",
    });
  const members = new Map<string, string[]>();
  for (const folder of folders) {
    const inside = await listFolder(join(root, folder));
    const images = inside.files.filter((name) => imageName.test(name));
    if (images.length === 0)
      throw new SpinnError("InvalidData", `The class folder ${join(root, folder)} has no JPEG, PNG or WebP image`, {
        hint: inside.folders.length > 0 ? "Name the folder whose folders are the classes." : "Fill or remove it.",
      });
    members.set(folder, images);
  }
  return members;
}

async function checkSameClasses(names: readonly string[], own: string, other: string): Promise<void> {
  const { folders } = await listFolder(other);
  const missing = names.find((name) => !folders.includes(name));
  const extra = folders.find((name) => !names.includes(name));
  if (missing === undefined && extra === undefined) return;
  const [has, lacks, name] = missing === undefined ? [other, own, extra] : [own, other, missing];
  throw new SpinnError("InvalidData", `${has} has the class folder ${name}, which ${lacks} lacks`, {
    hint: "Give both splits the same classes.",
  });
}

function splitFiles(files: readonly string[], split: Split, folder: string): string[] {
  if (files.length < 2)
    throw new SpinnError("InvalidData", `The class folder ${folder} has one image, which cannot be split in two`, {
      hint: "Add images, or make train and val folders.",
    });
  const byHash = files.map((name) => ({ name, hash: hashOf(name) })).sort((a, b) => a.hash - b.hash);
  const tests = new Set(byHash.slice(0, Math.max(1, Math.round(files.length * testShare))).map(({ name }) => name));
  return files.filter((name) => tests.has(name) === (split === "test"));
}

function hashOf(name: string): number {
  return mixSeed(...Buffer.from(name, "utf8"));
}
