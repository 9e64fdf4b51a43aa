// Files of this package, wherever its code runs from: the sources, `dist`, or the copy that benchmarks are compiled to.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

let found: string | undefined;

/**
 * @param path as seen from the folder of `package.json`
 * @returns absolute; whether there is such a file is not asked
 */
export function packageFile(path: string): string {
  found ??= rootAbove(dirname(fileURLToPath(import.meta.url)));
  return join(found, path);
}

/** This program and its version, as hellos, traces and reports say it. @example programName() === "spinn/0.1.0" */
export function programName(): string {
  const { name, version } = JSON.parse(readFileSync(packageFile("package.json"), "utf8")) as Record<string, string>;
  return `${name}/${version}`;
}

function rootAbove(folder: string): string {
  if (existsSync(join(folder, "package.json"))) return folder;
  const above = dirname(folder);
  if (above === folder) throw new Error("There is no package.json above the program: install the package again");
  return rootAbove(above);
}
