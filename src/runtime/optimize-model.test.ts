// optimizeModel(): the graph that would run, as a file that runs as it is.

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { randomFeeds, runWith } from "../../test/run-model.ts";
import { toyNetwork } from "../../test/toy.ts";
import { decodeModel } from "../onnx/codec.ts";
import { edit } from "../onnx/proto.ts";
import { createSession } from "./index.ts";
import { optimizeModel, optimizerFingerprint } from "./optimize-model.ts";

test("normalizations and activations are gone, and it computes the same as when optimised on loading", async () => {
  const model = toyNetwork({ width: 16 });
  const optimized = decodeModel(await optimizeModel(model));
  const ops = new Set(optimized.graph!.node.map(({ opType }) => opType));
  expect(ops).not.toContain("BatchNormalization");
  expect(ops).not.toContain("Relu");
  const feeds = randomFeeds(model, { batch: 2 });
  const session = await createSession(optimized, { optimization: "none", arena: false });
  expect(await session.run(feeds)).toEqual(await runWith(model, feeds));
  await session.release();
});

test("what the runtime refuses is an error, and nothing is left behind", async () => {
  const folder = await mkdtemp(join(tmpdir(), "spinn-test-"));
  vi.stubEnv("TMPDIR", folder);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });
  const model = toyNetwork();
  await optimizeModel(model);
  const graph = model.graph!;
  const broken = edit(model, { graph: edit(graph, { node: graph.node.map((n) => edit(n, { opType: "NoSuch" })) }) });
  await expect(optimizeModel(broken)).rejects.toMatchObject({ code: "Runtime" });
  expect(await readdir(folder)).toEqual([]);
  vi.stubEnv("TMPDIR", join(folder, "nowhere"));
  await expect(optimizeModel(model)).rejects.toMatchObject({ code: "FileAccess" });
});

test("the fingerprint names the runtime's version and stays the same", async () => {
  const one = await optimizerFingerprint();
  expect(one).toMatch(/^\d+\.\d+\.\d+\n/);
  expect(await optimizerFingerprint()).toBe(one);
});
