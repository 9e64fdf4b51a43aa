// Where a worker's code lies: beside the module that starts it, as JavaScript, which Node 20's threads insist on.

import { existsSync } from "node:fs";
import { SpinnError } from "./errors.ts";

/**
 * The URL to start a worker from. A compiled module finds the `.js` beside it; one that runs from its sources (in
 * Vitest) finds what `npm run build` last made of it in `dist`.
 *
 * @param relative the worker's source as seen from the module, e.g. `./prefetch-worker.ts`
 * @param importMetaUrl the module's `import.meta.url`
 * @throws {SpinnError} FileAccess when the project has not been built
 * @example new Worker(workerUrl("./prefetch-worker.ts", import.meta.url))
 */
export function workerUrl(relative: string, importMetaUrl: string): URL {
  const source = new URL(relative, importMetaUrl);
  // this file is at the root of src or dist
  const root = new URL(".", import.meta.url).href;
  const home = importMetaUrl.endsWith(".ts") ? new URL("../dist/", import.meta.url).href : root;
  const compiled = new URL(source.href.replace(root, home).replace(/\.ts$/, ".js"));
  if (!existsSync(compiled))
    throw new SpinnError("FileAccess", `${compiled.pathname} does not exist`, { hint: "Run npm run build." });
  return compiled;
}
