// `npm run bench -- NAME [--json] [--save]`: compiles bench/NAME.bench.ts and calls its
// `run({ json, args })`. `--save` (see bench/report.ts) keeps the result in bench/results.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureBuilt, root, targets } from "./build.mjs";
import { main, ScriptError } from "./log.mjs";

process.chdir(root);

await main(async () => {
  const [name, ...args] = process.argv.slice(2);
  const names = readdirSync("bench").flatMap((file) => /^(.+)\.bench\.ts$/.exec(file)?.[1] ?? []);
  if (!names.includes(name)) {
    const what = name === undefined ? "Which benchmark?" : `There is no benchmark ${name}.`;
    throw new ScriptError(`${what} There is ${names.join(", ")}: npm run bench -- ${names[0]}`);
  }
  await ensureBuilt(targets.bench);
  const { run } = await import(pathToFileURL(join(root, targets.bench.out, "bench", `${name}.bench.js`)).href);
  await run({ json: args.includes("--json"), args });
});
