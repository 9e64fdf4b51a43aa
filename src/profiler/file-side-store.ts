// What was measured on this machine, kept for the next start: small JSON files under a name for machine, runtime, network and
// threads.

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "../atomic-write.ts";
import { optimizerFingerprint } from "../runtime/index.ts";
import { parseSamples } from "./side-samples.ts";
import type { SideStore } from "./side-store.ts";

const SUFFIX = ".side.json";
const MAX_FILES = 64;

/**
 * @param folder made when needed
 * @param computing all that decides how fast the network runs beside the machine: threads, providers, slowdown
 */
export function fileSideStore(folder: string, computing: unknown): SideStore {
  const pathOf = async (network: string): Promise<string> => {
    const hash = createHash("sha256").update(JSON.stringify([network, computing, await optimizerFingerprint()]));
    return join(folder, hash.digest("hex").slice(0, 32) + SUFFIX);
  };
  return {
    async read(network) {
      try {
        return parseSamples(JSON.parse(await readFile(await pathOf(network), "utf8")));
      } catch {
        return undefined; // not there, or not ours any more: it is measured anew
      }
    },
    async write(network, samples) {
      try {
        await mkdir(folder, { recursive: true });
        await writeAtomically([{ path: await pathOf(network), parts: [Buffer.from(JSON.stringify(samples))] }]);
        await makeRoom(folder);
      } catch {
        // a cache is no promise
      }
    },
  };
}

async function makeRoom(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(SUFFIX));
  if (names.length <= MAX_FILES) return;
  const files = await Promise.all(
    names.map(async (name) => ({ path: join(folder, name), atMs: (await stat(join(folder, name))).mtimeMs })),
  );
  files.sort((a, b) => b.atMs - a.atMs);
  for (const { path } of files.slice(MAX_FILES)) await rm(path, { force: true });
}
