import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { packageFile, programName } from "./package-file.ts";

type PackageFile = Pick<typeof import("./package-file.ts"), "packageFile" | "programName">;

test("from the sources, the package is this repository", () => {
  expect(packageFile("bin/spinn.mjs")).toBe(join(process.cwd(), "bin/spinn.mjs"));
  expect(programName()).toMatch(/^spinn\/\d+\.\d+\.\d+/);
});

test.each(["dist", "dist-bench/src"])("compiled to %s, the package is found above", async (folder) => {
  const root = await mkdtemp(join(tmpdir(), "spinn-package-"));
  onTestFinished(() => rm(root, { recursive: true }));
  await mkdir(join(root, folder), { recursive: true });
  await writeFile(join(root, "package.json"), '{ "name": "other", "version": "9.8.7", "type": "module" }');
  const compiled = join(root, folder, "package-file.js");
  const code = await readFile("dist/package-file.js", "utf8");
  await writeFile(compiled, code.replace(/^\/\/# sourceMappingURL.*/m, ""));
  const found = (await import(pathToFileURL(compiled).href)) as PackageFile;
  expect(found.packageFile("bin/spinn.mjs")).toBe(join(root, "bin/spinn.mjs"));
  expect(found.programName()).toBe("other/9.8.7");
});
