import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fileFolder, REVALIDATE } from "./file-reply.ts";

const SCRIPT = "console.log('a script');\n".repeat(200);
const plain = { headers: {} };
const packed = { headers: { "accept-encoding": "gzip, br" } };
let root: string;
let folder: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "spinn-files-"));
  folder = join(root, "public");
  await mkdir(join(folder, "inner.js"), { recursive: true });
  await writeFile(join(folder, "index-B4_x.js"), SCRIPT);
  await writeFile(join(folder, ".secret.txt"), "secret");
  await writeFile(join(folder, "odd.exe"), "program");
  await writeFile(join(root, "outside.txt"), "outside");
});
afterAll(() => rm(root, { recursive: true }));

test("a file with its type, as it is or compressed", async () => {
  const files = fileFolder(folder, REVALIDATE);
  const reply = await files("index-B4_x.js", plain);
  expect(reply).toMatchObject({ contentType: "text/javascript", cacheControl: "no-cache" });
  expect(String(reply.body)).toBe(SCRIPT);
  const compressed = await files("index-B4_x.js", packed);
  expect(compressed.headers).toMatchObject({ "Content-Encoding": "gzip", Vary: "Accept-Encoding" });
  expect(gunzipSync(compressed.body as Uint8Array).toString()).toBe(SCRIPT);
  expect(compressed.headers!.ETag).toBe(reply.headers!.ETag);
  expect((await files("index-B4_x.js", packed)).body).toBe(compressed.body); // made once
});

test("a file that has changed is another one", async () => {
  const files = fileFolder(folder, REVALIDATE);
  await writeFile(join(folder, "page.html"), "before".repeat(500));
  const before = await files("page.html", packed);
  await writeFile(join(folder, "page.html"), "behind".repeat(500));
  await utimes(join(folder, "page.html"), new Date(), new Date(Date.now() + 5000));
  const after = await files("page.html", packed);
  expect(after.headers!.ETag).not.toBe(before.headers!.ETag);
  expect(gunzipSync(after.body as Uint8Array).toString()).toContain("behind");
});

test.each([
  "missing.js",
  "inner.js",
  "odd.exe",
  ".secret.txt",
  "../outside.txt",
  "..\\outside.txt",
  "..",
  "",
  "index-B4_x.js\0.txt",
  "/etc/hosts.txt",
])("%j is nothing that is served", async (name) => {
  await expect(fileFolder(folder, REVALIDATE)(name, plain)).rejects.toMatchObject({ status: 404 });
});
