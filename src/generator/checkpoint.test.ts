// Checkpoints: what was written comes back to the bit, damage is told apart, and nothing is ever half-written.

import { mkdir, readdir, readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { folderOf } from "../../test/data/fixtures.ts";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";

interface Progress {
  epoch: number;
  losses: number[];
}

const checkpoint: Checkpoint<Progress> = {
  fingerprint: "abc",
  progress: { epoch: 3, losses: [0.1 + 0.2, 1e-300, -0] },
  vectors: {
    parameters: Float32Array.of(1.5, -0, Number.NaN, 3e-42),
    average: new Float32Array(0),
    running: Float32Array.of(7),
  },
};

const room = (): Record<string, Float32Array> => ({
  parameters: new Float32Array(4),
  average: new Float32Array(0),
  running: new Float32Array(1),
});

test("what was written comes back to the bit, and the file stands alone", async () => {
  const folder = await folderOf();
  const path = join(folder, "deep", "er", "run.checkpoint");
  await writeCheckpoint(path, checkpoint);
  const into = room();
  expect(await readCheckpoint<Progress>(path, "abc", into)).toEqual({
    ...checkpoint.progress,
    losses: [0.1 + 0.2, 1e-300, 0],
  });
  for (const [name, vector] of Object.entries(checkpoint.vectors))
    expect(Buffer.from(into[name]!.buffer), name).toEqual(Buffer.from(vector.buffer));
  expect(await readdir(join(folder, "deep", "er"))).toEqual(["run.checkpoint"]);
});

test("memory that threads share can be written and read", async () => {
  const path = join(await folderOf(), "run.checkpoint");
  const shared = (): Float32Array => new Float32Array(new SharedArrayBuffer(8));
  const vector = shared();
  vector.set([1, 2]);
  await writeCheckpoint(path, { fingerprint: "", progress: 1, vectors: { vector } });
  const into = shared();
  await readCheckpoint(path, "", { vector: into });
  expect([...into]).toEqual([1, 2]);
});

test("no file is no progress, and no error", async () => {
  expect(await readCheckpoint(join(await folderOf(), "none"), "abc", room())).toBeUndefined();
});

test("another run's checkpoint is refused, with what to do", async () => {
  const path = join(await folderOf(), "run.checkpoint");
  await writeCheckpoint(path, checkpoint);
  const into = room();
  await expect(readCheckpoint(path, "abd", into)).rejects.toMatchObject({
    code: "Training",
    message: `The checkpoint ${path} belongs to a run with another network, data set, seed or option. Repeat that run's options, or give another checkpoint file`,
  });
  expect(into).toEqual(room());
  await expect(readCheckpoint(path, "abc", { ...room(), running: new Float32Array(2) })).rejects.toMatchObject({
    code: "Training",
  });
});

test("a checkpoint cut short anywhere is damaged, never something else", async () => {
  const path = join(await folderOf(), "run.checkpoint");
  await writeCheckpoint(path, checkpoint);
  const { length } = await readFile(path);
  for (let size = length - 1; size >= 0; size -= 3) {
    await truncate(path, size);
    await expect(readCheckpoint(path, "abc", room()), `${size} bytes`).rejects.toMatchObject({
      code: "Training",
      message: expect.stringMatching(/run\.checkpoint is damaged or no checkpoint\. Delete it/),
    });
  }
});

test.each([
  ["another kind of file", Buffer.from("PK\x03\x04 no line end here")],
  ["JSON that is none of ours", Buffer.from('{"format":"other"}\n')],
  ["JSON that is no object", Buffer.from("null\n")],
  ["random bytes", Buffer.from(Uint8Array.from({ length: 999 }, (_, i) => (i * 89) % 256))],
])("%s is no checkpoint", async (_, bytes) => {
  const path = join(await folderOf({ c: bytes }), "c");
  await expect(readCheckpoint(path, "abc", room())).rejects.toMatchObject({ code: "Training" });
});

test("where it cannot be written or read, the error names the file and nothing is left behind", async () => {
  const folder = await folderOf({ file: "here already" });
  await mkdir(join(folder, "taken"));
  for (const path of [join(folder, "taken"), join(folder, "file", "run.checkpoint")])
    await expect(writeCheckpoint(path, checkpoint)).rejects.toMatchObject({
      code: "FileAccess",
      message: expect.stringContaining(path),
    });
  expect((await readdir(folder)).sort()).toEqual(["file", "taken"]);
  await expect(readCheckpoint(join(folder, "taken"), "abc", room())).rejects.toMatchObject({ code: "FileAccess" });
});

test("whoever reads while it is being replaced finds a whole one", async () => {
  const path = join(await folderOf(), "run.checkpoint");
  const write = (epoch: number): Promise<void> =>
    writeCheckpoint(path, {
      fingerprint: "",
      progress: { epoch },
      vectors: { v: new Float32Array(100_000).fill(epoch) },
    });
  await write(0);
  let writing = true;
  const writer = (async () => {
    for (let epoch = 1; epoch <= 30; epoch++) await write(epoch);
    writing = false;
  })();
  let reads = 0;
  for (; writing || reads < 3; reads++) {
    const v = new Float32Array(100_000);
    const { epoch } = (await readCheckpoint<Progress>(path, "", { v }))!;
    expect(v.every((value) => value === epoch)).toBe(true);
  }
  await writer;
  const last = new Float32Array(100_000);
  expect(await readCheckpoint<Progress>(path, "", { v: last })).toEqual({ epoch: 30 });
});
