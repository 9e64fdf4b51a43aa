// `npm run bench -- NAME [--json] [--save]`: what `spinn bench` has, and the benchmarks in bench/ that are for developers
// alone. Of those it compiles bench/NAME.bench.ts and calls its `run({ json, args })`. `--save` (see src/bench/report.ts)
// keeps the result in bench/results.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureBuilt, root, targets } from "./build.mjs";
import { main, ScriptError } from "./log.mjs";

process.chdir(root);

await main(async () => {
  const [name, ...args] = process.argv.slice(2);
  const own = readdirSync("bench").flatMap((file) => /^(.+)\.bench\.ts$/.exec(file)?.[1] ?? []);
  if (own.includes(name)) {
    await ensureBuilt(targets.bench);
    const { run } = await importFrom(targets.bench.out, "bench", `${name}.bench.js`);
    return await run({ json: args.includes("--json"), args });
  }
  await ensureBuilt(targets.library);
  const { benches } = await importFrom(targets.library.out, "bench", "index.js");
  if (!Object.keys(benches).includes(name)) {
    const what = name === undefined ? "Which benchmark?" : `There is no benchmark ${name}.`;
    throw new ScriptError(`${what} There is ${[...Object.keys(benches), ...own].join(", ")}: npm run bench -- codec`);
  }
  const { main: spinn } = await importFrom(targets.library.out, "cli", "main.js");
  process.exitCode = await spinn(["bench", name, ...args]);
});

async function importFrom(...path) {
  return await import(pathToFileURL(join(root, ...path)).href);
}
