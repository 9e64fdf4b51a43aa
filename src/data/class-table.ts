// `classes.tsv`: what class folders are called, and where ImageNet networks answer for them.

import { join } from "node:path";
import { SpinnError } from "../errors.ts";
import type { Dataset } from "./dataset.ts";
import { pathKind, readBytes } from "./read-file.ts";

export interface ClassTable {
  /** Human-readable, in the order of the folders. */
  classes: string[];
  /** ImageNet indices (0..999) likewise, where the table has them. */
  classIndices?: number[];
}

/**
 * Reads `classes.tsv` of a data set's folder: a heading, then a line a class. The first column is the folder; `name`
 * and `imagenet_index` are used where they exist.
 *
 * @returns undefined when there is no such file
 * @throws {SpinnError} InvalidData when a folder is not listed or an index is none
 */
export async function readClassTable(root: string, folders: readonly string[]): Promise<ClassTable | undefined> {
  const path = join(root, "classes.tsv");
  if ((await pathKind(path)) !== "file") return undefined;
  const [heading = [], ...lines] = Buffer.from(await readBytes(path))
    .toString("utf8")
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "")
    .map((line) => line.split("\t").map((cell) => cell.trim()));
  const rows = folders.map((folder) => {
    const row = lines.find((cells) => cells[0] === folder);
    if (row) return row;
    throw new SpinnError("InvalidData", `${path} does not list the class folder ${folder}`, {
      hint: "Add a line for it, or remove the table.",
    });
  });
  const column = (title: string) => {
    const at = heading.indexOf(title);
    return at === -1 ? undefined : rows.map((row) => row[at] ?? "");
  };
  const classIndices = column("imagenet_index")?.map((text, i) => {
    if (/^\d{1,3}$/.test(text)) return Number(text);
    throw new SpinnError(
      "InvalidData",
      `${path} gives ${folders[i]} the ImageNet index "${text}", not one of 0 to 999`,
    );
  });
  return { classes: column("name") ?? [...folders], ...(classIndices && { classIndices }) };
}

/**
 * The output of a network that stands for each class of a data set: the class itself when there are as many outputs
 * as classes, else its ImageNet index, one further when there are 1001 outputs (0 is the background then).
 *
 * @param outputs number of the network's outputs
 * @throws {SpinnError} InvalidData when the network's outputs cannot be these classes
 */
export function outputIndices(dataset: Dataset, outputs: number): Uint16Array {
  const { name, classes, classIndices } = dataset;
  if (outputs === classes.length) return Uint16Array.from(classes.keys());
  if (classIndices && (outputs === 1000 || outputs === 1001))
    return Uint16Array.from(classIndices, (index) => index + outputs - 1000);
  throw new SpinnError("InvalidData", `${name} has ${classes.length} classes but the model has ${outputs} outputs`, {
    hint: "Choose a data set of the model's classes; ImageNet's need a classes.tsv with imagenet_index.",
  });
}
