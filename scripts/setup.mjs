// Makes a fresh clone ready to run: dependencies and compiled sources, each only when missing or out of date. Every npm
// command of the README starts with it. Plain Node: nothing is installed yet.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beQuiet, main, ScriptError } from "./log.mjs";

process.chdir(join(dirname(fileURLToPath(import.meta.url)), ".."));
if (process.argv.includes("--quiet")) beQuiet();

await main(async () => {
  checkNode();
  // only now: an old Node may not even read the rest
  const { install, isInstalled } = await import("./install.mjs");
  const { withLock } = await import("./lock.mjs");
  const { ensureBuilt, ensurePages, targets } = await import("./build.mjs");
  if (!isInstalled()) {
    await withLock(".setup.lock", async () => {
      // another process may have done it while this one waited
      if (!isInstalled()) await install();
    });
  }
  await ensureBuilt(targets.library);
  await ensurePages();
});

function checkNode() {
  const { engines } = JSON.parse(readFileSync("package.json", "utf8"));
  const wanted = engines.node.replace(">=", "").split(".").map(Number);
  const present = process.versions.node.split(".").map(Number);
  const at = wanted.findIndex((part, i) => part !== present[i]);
  if (at >= 0 && present[at] < wanted[at])
    throw new ScriptError(`This needs Node ${wanted.join(".")} or newer, and this is ${process.versions.node}`);
}
