// The dependencies, installed when they are not what package-lock.json says.

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { ScriptError, say } from "./log.mjs";

/**
 * True when everything that package-lock.json wants is there in that version. npm leaves its own list behind when an
 * installation is complete; comparing the two costs a millisecond and, unlike file dates, survives `git checkout`.
 */
export function isInstalled() {
  const list = "node_modules/.package-lock.json";
  if (!existsSync(list)) return false;
  try {
    const wanted = JSON.parse(readFileSync("package-lock.json", "utf8")).packages;
    const present = JSON.parse(readFileSync(list, "utf8")).packages;
    return Object.entries(wanted).every(([path, { version, optional, devOptional }]) => {
      const found = path === "" || present[path];
      // what is made for other platforms stays away
      return found ? path === "" || found.version === version : optional || devOptional;
    });
  } catch {
    return false;
  }
}

/** Runs `npm ci`. No script of any package runs: .npmrc says so. */
export async function install() {
  say("Installing dependencies (npm ci)");
  const { status, output } = await npm(["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"]);
  if (status !== 0) throw new ScriptError(explain(output));
}

function npm(args) {
  const { npm_execpath: cli = "", npm_node_execpath: node = process.execPath } = process.env;
  // started by npm: the same npm again, without a shell
  const direct = basename(cli) === "npm-cli.js";
  const child = direct
    ? spawn(node, [cli, ...args], { stdio: ["ignore", "pipe", "pipe"] })
    : spawn("npm", args, { stdio: ["ignore", "pipe", "pipe"], shell: process.platform === "win32" });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
  return new Promise((resolve, reject) => {
    child.on("error", () => reject(new ScriptError("Cannot start npm: install Node with npm 10 or newer")));
    child.on("close", (status) => resolve({ status, output }));
  });
}

const networkCodes =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED|E50\d)\b/;

function explain(output) {
  const code = networkCodes.exec(output)?.[1];
  if (code) return `Cannot install the dependencies: the npm registry does not answer (${code}). Check the network`;
  const lines = output.split("\n").map((line) => line.replace(/^npm (error|ERR!) ?/, "").trim());
  const why = lines.find((line) => line !== "" && !/^(code|errno|syscall|path) /.test(line)) ?? "npm ci failed";
  return `Cannot install the dependencies: ${why}. Run npm ci to see more`;
}
