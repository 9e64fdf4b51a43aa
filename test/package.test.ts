// Is the package what a user of it expects: entries that resolve, types first, nothing of the machine it was made on?

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");

const manifest = JSON.parse(read("package.json")) as {
  exports: Record<string, string | Record<string, string>>;
  bin: Record<string, string>;
  files: string[];
  scripts: Record<string, string>;
};
const entries = Object.entries(manifest.exports).filter(([, target]) => typeof target === "object");

test("every entry of exports has types first, then code, and both exist", () => {
  for (const [subpath, target] of entries) {
    expect(Object.keys(target), subpath).toEqual(["types", "default"]);
    for (const path of Object.values(target)) expect(existsSync(join(root, path)), path).toBe(true);
  }
});

test("plain Node imports every entry by the package's name", () => {
  const names = entries.map(([subpath]) => JSON.stringify(join("spinn", subpath)));
  const program = `for (const n of [${names}]) console.log(n, Object.keys(await import(n)).length > 0)`;
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", program], { cwd: root });
  expect(printed.toString()).not.toContain("false");
  expect(printed.toString().trim().split("\n")).toHaveLength(entries.length);
});

test("published files exist, and commands can be started", () => {
  const published = manifest.files.filter((pattern) => !pattern.startsWith("!"));
  for (const path of published) expect(existsSync(join(root, path)), path).toBe(true);
  for (const path of Object.values(manifest.bin)) {
    expect(read(path).startsWith("#!/usr/bin/env node\n"), path).toBe(true);
    expect(statSync(join(root, path)).mode & 0o111, `${path} is executable`).toBe(0o111);
  }
});

test("tracked files know nothing of the machine, the account or the registry they came from", ({ skip }) => {
  let tracked: string[];
  try {
    const list = execFileSync("git", ["ls-files", "-z"], { cwd: root, stdio: ["ignore", "pipe", "ignore"] });
    tracked = list.toString().split("\0").filter(Boolean);
  } catch {
    return skip("this is no git repository");
  }
  const texts = tracked.filter(
    (path) => /\.(ts|mjs|json|md|svg|log|npmrc)$/.test(path) && existsSync(join(root, path)),
  );
  expect(texts.length).toBeGreaterThan(100);
  const odd = /(?:^|[\s"'`(=])\/(?:home|Users|root|work|mnt)\/\w|registry\.\w+js\.org|registry\.yarnpkg/m;
  expect(texts.filter((path) => odd.test(read(path)))).toEqual([]);
  expect(read("package-lock.json")).not.toContain('"resolved"');
});
