// What figures have to be judged by: the machine, the versions, the commit.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";
import { packageFile } from "../../package-file.ts";

/** Name and value, for people and `results.json`. */
export type RunConditions = Readonly<Record<string, string>>;

export function runConditions(): RunConditions {
  const { resolve } = createRequire(import.meta.url);
  const versionOf = (manifest: string): string => JSON.parse(readFileSync(resolve(manifest), "utf8")).version;
  const commit = commitOf();
  return {
    machine: `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    spinn: versionOf(packageFile("package.json")),
    "onnxruntime-node": versionOf("onnxruntime-node/package.json"),
    ...(commit !== undefined && { commit }),
  };
}

/** With `-dirty` when files differ from it; undefined outside a repository. */
function commitOf(): string | undefined {
  try {
    const cwd = new URL(".", import.meta.url);
    return execFileSync("git", ["describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"], {
      ...{ cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
    }).trim();
  } catch {
    return undefined;
  }
}
