// The library in a page, bundled as its users would.

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, extname, join } from "node:path";
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

export interface BundleSizes {
  /** What a page loads that runs a network which a server serves in slices: the library and its worker. Gzipped, file by file. */
  readonly gzipBytes: number;
  /** What else a page loads that reads a model file. */
  readonly modelReaderGzipBytes: number;
}

/** Of `spinn/web`, onnxruntime-web left out. */
export async function webBundleSizes(): Promise<BundleSizes> {
  const folder = await mkdtemp(join(tmpdir(), "spinn-bundle-"));
  try {
    await bundle("src/web/index.ts", folder, { withoutRuntime: true });
    const files = (await readdir(folder, { recursive: true })).filter((file) => extname(file) === ".js");
    const texts = await Promise.all(files.map(async (file) => await readFile(join(folder, file), "utf8")));
    // what is loaded on demand is named in a call of import()
    const onDemand = new Set(
      texts.flatMap((text) => Array.from(text.matchAll(/\bimport\([`"']([^`"']+)/g), ([, path]) => basename(path!))),
    );
    const sizes = { gzipBytes: 0, modelReaderGzipBytes: 0 };
    for (const [i, file] of files.entries())
      sizes[onDemand.has(basename(file)) ? "modelReaderGzipBytes" : "gzipBytes"] += gzipSync(texts[i]!).length;
    return sizes;
  } finally {
    await rm(folder, { recursive: true });
  }
}
