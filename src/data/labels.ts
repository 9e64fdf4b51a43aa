// Labels and class names as data sets store them, checked.

import { SpinnError } from "../errors.ts";
import { readBytes } from "./read-file.ts";

/** @throws {SpinnError} InvalidData when a label is outside the classes; `source` says where it came from */
export function checkedLabels(labels: ArrayLike<number>, classCount: number, source: string): Uint16Array {
  const checked = Uint16Array.from(labels);
  const wrong = checked.findIndex((label) => label >= classCount);
  if (wrong !== -1)
    throw new SpinnError("InvalidData", `${source} gives image ${wrong} the label ${checked[wrong]} of ${classCount}`, {
      hint: "Fetch it anew, or check that names and labels belong together.",
    });
  return checked;
}

/** Class names, one a line. @throws {SpinnError} InvalidData when there are none; as `readBytes()` */
export async function readClassNames(path: string): Promise<string[]> {
  const names = Buffer.from(await readBytes(path))
    .toString("utf8")
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (names.length === 0) throw new SpinnError("InvalidData", `${path} names no class`);
  return names;
}
