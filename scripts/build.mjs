// Compiles the sources, and builds the pages of web/, when what was built is not theirs: `npm run build`, and what setup and tests
// call.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { withLock } from "./lock.mjs";
import { main, ScriptError, say } from "./log.mjs";

/** The repository's root; all paths of these scripts start there. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** What can be compiled: a TypeScript project and the folders of its sources, which lie under `base`. */
export const targets = {
  library: { out: "dist", config: "tsconfig.build.json", base: "src", sources: ["src"] },
  // benchmarks import the sources by relative path, so that they bring a copy of them
  bench: { out: "dist-bench", config: "tsconfig.bench.json", base: ".", sources: ["src", "bench", "test/browser"] },
};

/** Compiles `target` unless that has been done. @returns whether there was something to do */
export async function ensureBuilt(target) {
  if (isBuilt(target)) return false;
  return await withLock(".setup.lock", async () => {
    // another process may have done it while this one waited
    if (isBuilt(target)) return false;
    await build(target);
    return true;
  });
}

/** What Vite builds, of which folders: the pages that servers hand out, and `spinn/web` for pages without a bundler. */
const bundles = [
  { name: "pages", out: "dist/pages", config: "web/vite.config.ts", sources: ["web", "src"] },
  { name: "spinn/web for browsers", out: "dist/browser", config: "scripts/browser.vite.mjs", sources: ["src"] },
];

/** Builds what is missing or stale of it. @returns whether there was something to do */
export async function ensurePages() {
  let isNew = false;
  for (const bundle of bundles) isNew = (await ensureBundle(bundle)) || isNew;
  return isNew;
}

async function ensureBundle(bundle) {
  const { name, out, config } = bundle;
  const stamp = join(out, ".stamp");
  const isDone = () => existsSync(stamp) && readFileSync(stamp, "utf8") === bundleStamp(bundle);
  if (isDone()) return false;
  return await withLock(".setup.lock", async () => {
    if (isDone()) return false;
    say(`Building ${name} to ${out}`);
    const wanted = bundleStamp(bundle);
    // only now: whoever compiles need not wait for it
    const vite = await import("vite");
    try {
      await vite.build({ configFile: config });
    } catch (error) {
      throw new ScriptError(`${error.message}\nCannot build ${name}: mend the errors above`);
    }
    await writeFile(stamp, wanted);
    return true;
  });
}

function bundleStamp({ config, sources }) {
  const files = sources.flatMap((folder) => filesIn(folder, /(?<!\.test|\.d)\.(ts|tsx|css|html|svg|json)$/)).sort();
  return hashOf([...files, config, "package-lock.json"]);
}

/**
 * The stamp names the sources and the compiler's own record of what it last did: it goes stale with either, whoever ran
 * the compiler.
 */
function isBuilt({ out, config, base, sources }) {
  const stamp = join(out, ".stamp");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== stampOf(out, config, sources)) return false;
  return sourceFiles(sources).every((file) => existsSync(outputOf(file, out, base)));
}

async function build({ out, config, base, sources }) {
  say(`Compiling to ${out}`);
  await rm(join(out, ".stamp"), { force: true });
  const files = sourceFiles(sources);
  // the compiler believes that what it once wrote is still there
  const missing = files.some((file) => !existsSync(outputOf(file, out, base)));
  if (missing) await rm(join(out, ".tsbuildinfo"), { force: true });
  const { status, output } = await tsc(config);
  if (status !== 0) throw new ScriptError(`${output.trim()}\nCannot compile ${config}: mend the errors above`);
  await removeLeftovers(out, new Set(files.map((file) => outputOf(file, out, base))));
  await writeFile(join(out, ".stamp"), stampOf(out, config, sources));
}

function tsc(config) {
  const child = spawn(process.execPath, ["node_modules/typescript/bin/tsc", "-p", config, "--pretty", "false"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, output }));
  });
}

function stampOf(out, config, sources) {
  const info = join(out, ".tsbuildinfo");
  return hashOf([...sourceFiles(sources), config, "tsconfig.json", ...(existsSync(info) ? [info] : [])]);
}

function hashOf(files) {
  const hash = createHash("sha256");
  for (const file of files) {
    const content = readFileSync(file);
    hash.update(`${file} ${content.length}\n`).update(content);
  }
  return hash.digest("hex");
}

function sourceFiles(folders) {
  return folders.flatMap((folder) => filesIn(folder, /(?<!\.test|\.d)\.ts$/)).sort();
}

function filesIn(folder, pattern) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesIn(path, pattern);
    return pattern.test(entry.name) ? [path] : [];
  });
}

function outputOf(file, out, base) {
  const inside = base === "." ? file : file.slice(base.length + 1);
  return join(out, inside.replace(/\.ts$/, ".js"));
}

/** Removes what belongs to sources that are gone: it would still be found, imported and published. */
async function removeLeftovers(out, wanted) {
  for (const file of filesIn(out, /\.(js|js\.map|d\.ts)$/)) {
    if (bundles.some((bundle) => file.startsWith(bundle.out))) continue;
    if (!wanted.has(file.replace(/\.(js|js\.map|d\.ts)$/, ".js"))) await rm(file);
  }
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) {
  process.chdir(root);
  await main(async () => {
    if (!existsSync("node_modules/typescript")) throw new ScriptError("The dependencies are missing: run npm ci");
    const isCompiled = await ensureBuilt(targets.library);
    const hasPages = await ensurePages();
    if (!isCompiled && !hasPages) say("dist is up to date");
  });
}
