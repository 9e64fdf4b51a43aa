// onnxruntime-node: the contract of every runtime, and what only Node has.

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { runtimeSuite, twoOutputs } from "../../test/contract/runtime-suite.ts";
import { float32 } from "../tensor.ts";
import { createSession } from "./ort-node.ts";

test.each(runtimeSuite)("$name", async ({ observe, expected }) => {
  expect(await observe(createSession)).toEqual(expected);
});

test("an unknown execution provider is answered by those that there are", async () => {
  await expect(createSession(twoOutputs(), { executionProviders: ["nonsense"] })).rejects.toMatchObject({
    message: expect.stringMatching(/nonsense\. This build has .*cpu/),
  });
});

test("several threads compute the same", async () => {
  const session = await createSession(twoOutputs(), { threads: 2, spinning: true });
  const { y } = await session.run({ x: float32(Float32Array.of(-1, 2), [1, 2]) });
  expect(y).toEqual(float32(Float32Array.of(0, 2), [1, 2]));
  await session.release();
});

test("profilePrefix leaves a profile behind", async () => {
  const folder = await mkdtemp(join(tmpdir(), "spinn-profile-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const session = await createSession(twoOutputs(), { profilePrefix: join(folder, "run") });
  await session.run({ x: float32(new Float32Array(2), [1, 2]) });
  await session.release();
  expect(await readdir(folder)).toEqual([expect.stringMatching(/^run_.*\.json$/)]);
});
