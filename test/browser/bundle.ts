// The library in a page, bundled as its users would.

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build, defaultClientConditions } from "vite";

/** The repository: tests and benchmarks run there. */
export const root: string = process.cwd();

export interface BundleOptions {
  /** Leave onnxruntime-web out. @default false */
  readonly withoutRuntime?: boolean;
}

/** Writes `index.js`, and whatever it loads, to a folder. @param script relative to the repository */
export async function bundle(script: string, outDir: string, options: BundleOptions = {}): Promise<void> {
  const external = options.withoutRuntime ? /^onnxruntime-web/ : [];
  await build({
    configFile: false,
    root,
    base: "./",
    logLevel: "error",
    // the runtime's own loader comes from `assets`, not inside the bundle
    resolve: { conditions: ["onnxruntime-web-use-extern-wasm", ...defaultClientConditions] },
    worker: { format: "es", rolldownOptions: { external } },
    build: {
      outDir,
      target: "es2023",
      modulePreload: false,
      rolldownOptions: {
        external,
        input: { index: join(root, script) },
        preserveEntrySignatures: "strict",
        output: { entryFileNames: "[name].js" },
      },
    },
  });
}

/** Bytes of all that `spinn/web` makes a page load beside onnxruntime-web, its worker included, gzipped file by file. */
export async function webBundleBytes(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "spinn-bundle-"));
  try {
    await bundle("src/web/index.ts", folder, { withoutRuntime: true });
    const files = (await readdir(folder, { recursive: true })).filter((file) => extname(file) === ".js");
    const sizes = files.map(async (file) => gzipSync(await readFile(join(folder, file))).length);
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  } finally {
    await rm(folder, { recursive: true });
  }
}
