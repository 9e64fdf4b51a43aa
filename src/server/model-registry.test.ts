// Networks come and go while a real server serves.

import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { inputFor, RawDevice, runFor } from "../../test/raw-device.ts";
import { toyProgressive } from "../../test/toy.ts";
import { describeNetwork } from "../engine/index.ts";
import { writeModelFile } from "../onnx/index.ts";
import { websocketDial } from "../transport/index.ts";
import type { ModelFile } from "./model-file.ts";
import { type Server, serve } from "./serve.ts";

const [one, two] = [toyProgressive({ seed: 1 }), toyProgressive({ seed: 2 })];
const [first, second] = [describeNetwork(one), describeNetwork(two)];
let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-registry-"));
  path = join(folder, "toy.spinn.onnx");
  await writeModelFile(path, one);
  await writeModelFile(join(folder, "two.onnx"), two);
  return () => rm(folder, { recursive: true });
});

async function serving(models: readonly (string | ModelFile)[]): Promise<Server> {
  const server = await serve({ models, port: 0, workers: 1, cacheFolder: folder });
  onTestFinished(() => server.close());
  return server;
}

const hashes = (server: Server): string[] => server.models.map(({ hash }) => hash.slice(0, 4));
const hashOf = (network: typeof first): string => Buffer.from(network.modelHash).toString("hex").slice(0, 4);

test("a file that has become another network takes its place; runs of the old one are answered", async () => {
  const server = await serving([path]);
  const old = await RawDevice.greeted(websocketDial(server.url), first);
  for (const id of [1, 2, 3, 4]) old.say(runFor(first, id, inputFor(first, id)));
  old.say({ kind: "ping", id: 1, payload: new Uint8Array(0) });
  await old.hears("pong"); // the runs have arrived
  await copyFile(join(folder, "two.onnx"), path);
  const changes = server.reload([path]);
  for (const id of [1, 2, 3, 4]) await old.hears("result", id);
  expect(await old.hears("refuse", 0)).toMatchObject({ code: "shutting-down" });
  expect(await changes).toEqual({
    added: [expect.stringContaining("toy.spinn.onnx")],
    retired: [expect.stringContaining("toy.spinn.onnx")],
    failed: [],
  });
  expect(hashes(server)).toEqual([hashOf(second)]);
  const device = await RawDevice.greeted(websocketDial(server.url), second);
  expect(await device.asks(runFor(second, 1, inputFor(second, 1)))).toMatchObject({ kind: "result" });
  const listed = await fetch(`${server.url.replace("ws", "http")}/api/models`);
  expect(await listed.json()).toEqual([expect.objectContaining({ hash: expect.stringMatching(`^${hashOf(second)}`) })]);
});

test("what has not changed is left alone, also when its file was written again or it is called otherwise", async () => {
  const server = await serving([path]);
  const device = await RawDevice.greeted(websocketDial(server.url), first);
  await writeModelFile(path, one);
  expect(await server.reload([path])).toEqual({ added: [], retired: [], failed: [] });
  expect(await server.reload([{ path, name: "toy", version: "2" }])).toEqual({ added: [], retired: [], failed: [] });
  expect(server.models).toEqual([expect.objectContaining({ name: "toy", version: "2" })]);
  expect(await device.asks(runFor(first, 1, inputFor(first, 1)))).toMatchObject({ kind: "result" });
});

test("a file that is broken leaves what it was to replace as it is, and says so; so does the same network twice", async () => {
  const server = await serving([path]);
  const device = await RawDevice.greeted(websocketDial(server.url), first);
  await writeFile(path, "no network");
  const { failed, ...others } = await server.reload([path, join(folder, "none.onnx")]);
  expect(others).toEqual({ added: [], retired: [] });
  expect(failed.map((one) => one.path)).toEqual([path, join(folder, "none.onnx")]);
  expect(failed[1]!.reason).toMatch(/none\.onnx/);
  expect(await device.asks(runFor(first, 1, inputFor(first, 1)))).toMatchObject({ kind: "result" });
  const copy = join(folder, "copy.onnx");
  await writeModelFile(copy, one);
  await writeModelFile(path, one);
  const twice = await server.reload([path, copy]);
  expect(twice.failed).toEqual([{ path: copy, reason: expect.stringMatching(/are the same network$/) }]);
  expect(hashes(server)).toEqual([hashOf(first)]);
});

test("networks are added and dropped; other workers mean opening it again", async () => {
  const server = await serving([path]);
  const both = [path, join(folder, "two.onnx")];
  expect((await server.reload(both)).added).toEqual([expect.stringContaining("two.onnx")]);
  expect(hashes(server)).toEqual([hashOf(first), hashOf(second)]);
  expect((await server.reload([both[1]!])).retired).toEqual([expect.stringContaining("toy.spinn.onnx")]);
  const more = await server.reload([{ path: both[1]!, workers: 2 }]);
  expect(more).toMatchObject({ added: [expect.any(String)], retired: [expect.any(String)], failed: [] });
  const device = await RawDevice.greeted(websocketDial(server.url), second);
  expect(await device.asks(runFor(second, 1, inputFor(second, 1)))).toMatchObject({ kind: "result" });
  await expect(server.reload([])).rejects.toThrow(RangeError);
});
