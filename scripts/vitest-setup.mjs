// Before the tests: `dist` must be the sources', because worker threads run from it (src/worker-url.ts).

import { ensureBuilt, root, targets } from "./build.mjs";
import { ScriptError } from "./log.mjs";

export async function setup() {
  process.chdir(root);
  try {
    await ensureBuilt(targets.library);
  } catch (error) {
    // A type error somewhere does not stop tests of something else: the compiler has written its files all the same.
    if (!(error instanceof ScriptError)) throw error;
    process.stderr.write(`${error.message}\n`);
  }
}
