// Running the command `spinn` in a test: in this process with its output recorded, or as the program that users start.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { main } from "../src/cli/main.ts";
import { mixSeed } from "../src/random.ts";
import { colourImage, colours } from "./toy.ts";

export interface Outcome {
  code: number;
  /** Everything on standard output. */
  out: string;
  /** The lines on standard error. */
  err: string[];
}

/** Runs a command in this process; standard error is no terminal. */
export async function spinn(...args: readonly string[]): Promise<Outcome> {
  const out: string[] = [];
  const err: string[] = [];
  const io = {
    isTerminal: false,
    out: (text: string) => out.push(`${text}\n`),
    err: (text: string) => err.push(...text.split("\n")),
    status: () => {},
  };
  const code = await main(args, io);
  return { code, out: out.join(""), err };
}

export interface Program {
  readonly process: ChildProcess;
  /** All lines on standard error so far. */
  readonly err: readonly string[];
  /** Resolves when a line on standard error matches; rejects when the program ends before. */
  line(pattern: RegExp): Promise<void>;
  readonly ended: Promise<Outcome>;
}

/** Starts `bin/spinn.mjs` in a process of its own. @param env beside this process's own variables */
export function startSpinn(args: readonly string[], cwd?: string, env: NodeJS.ProcessEnv = {}): Program {
  const bin = fileURLToPath(new URL("../bin/spinn.mjs", import.meta.url));
  const child = spawn(process.execPath, [bin, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
    ...(cwd && { cwd }),
  });
  let [out, err] = ["", ""];
  const lines = (): string[] => err.split("\n").slice(0, -1);
  const watchers = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
    for (const watch of watchers) watch();
  });
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code: code ?? (signal ? 128 : -1), out, err: lines() }));
  });
  const line = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const watch = (): void => {
        if (lines().some((text) => pattern.test(text))) resolve();
      };
      watchers.add(watch);
      watch();
      ended.then(() => reject(new Error(`spinn ended without ${pattern}: ${err}`)), reject);
    });
  return {
    process: child,
    get err() {
      return lines();
    },
    line,
    ended,
  };
}

/**
 * Writes a folder of 32x32 PNG files, one folder a colour, `each` files a class; a fifth of them is the test split.
 *
 * @returns its path
 */
export async function writeColourFolder(folder: string, each = 25): Promise<string> {
  const root = join(folder, "colours");
  for (const [label, name] of colours.entries()) {
    await mkdir(join(root, name), { recursive: true });
    for (let i = 0; i < each; i++) {
      const pixels = colourImage(label, 32, mixSeed(11, i));
      const png = await sharp(pixels, { raw: { width: 32, height: 32, channels: 3 } })
        .png()
        .toBuffer();
      await writeFile(join(root, name, `${i}.png`), png);
    }
  }
  return root;
}
