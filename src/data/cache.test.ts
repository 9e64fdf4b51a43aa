import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { folderOf } from "../../test/data/fixtures.ts";
import { cacheRoot, withLock, writeWhole } from "./cache.ts";

test("cacheRoot() follows SPINN_CACHE, then XDG_CACHE_HOME, then the home folder", () => {
  expect(cacheRoot({ SPINN_CACHE: "/a", XDG_CACHE_HOME: "/b" })).toBe("/a");
  expect(cacheRoot({ XDG_CACHE_HOME: "/b" })).toBe(join("/b", "spinn"));
  expect(cacheRoot({})).toBe(join(homedir(), ".cache", "spinn"));
});

describe("writeWhole()", () => {
  test("replaces a file and leaves nothing else behind", async () => {
    const folder = await folderOf({ "data.u8": "old and longer" });
    const path = join(folder, "data.u8");
    await Promise.all(Array.from({ length: 8 }, (_, i) => writeWhole(path, new Uint8Array(1000).fill(i))));
    const written = await readFile(path);
    expect(new Set(written).size).toBe(1);
    expect(written).toHaveLength(1000);
    expect(await readdir(folder)).toEqual(["data.u8"]);
  });

  test("says what to do when the folder cannot be written", async () => {
    const folder = await folderOf({ occupied: "a file" });
    await expect(writeWhole(join(folder, "occupied", "x"), new Uint8Array(1))).rejects.toMatchObject({
      code: "FileAccess",
      hint: expect.stringContaining("SPINN_CACHE"),
    });
  });
});

describe("withLock()", () => {
  test("lets one at a time, also after a failure", async () => {
    const lock = join(await folderOf(), "deep", "lock");
    let inside = 0;
    const task = (fails: boolean) => async () => {
      expect(++inside).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 20));
      inside--;
      if (fails) throw new Error("failed inside");
      return "done";
    };
    const results = await Promise.allSettled([true, false, false].map((fails) => withLock(lock, task(fails))));
    expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
    expect(await readdir(join(lock, ".."))).toEqual([]);
  });

  test("says what to do when the folder cannot be made", async () => {
    const lock = join(await folderOf({ occupied: "a file" }), "occupied", "lock");
    await expect(withLock(lock, async () => "done")).rejects.toMatchObject({ code: "FileAccess" });
    await expect(withLock(join(lock, "deep"), async () => "done")).rejects.toMatchObject({ code: "FileAccess" });
  });

  test("breaks the lock of one that died", async () => {
    const lock = join(await folderOf(), "lock");
    await writeFile(lock, "");
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(lock, longAgo, longAgo);
    expect(await withLock(lock, async () => "done")).toBe("done");
  });

  test("stops waiting when told to", async () => {
    const lock = join(await folderOf({ lock: "" }), "lock");
    const signal = AbortSignal.timeout(50);
    await expect(withLock(lock, async () => "done", signal)).rejects.toMatchObject({ code: "Aborted" });
  });
});
