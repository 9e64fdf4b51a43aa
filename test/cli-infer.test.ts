// `spinn infer` beside a server, without one, and with one that has another network.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { InferReport } from "../src/cli/commands/infer.ts";
import { writeModelFile } from "../src/onnx/index.ts";
import { type Server, serve } from "../src/server/index.ts";
import { spinn } from "./spinn.ts";
import { colourImage, toyProgressive } from "./toy.ts";

let folder = "";
let server: Server;
let model = "";
let photo = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-infer-"));
  model = join(folder, "toy.spinn.onnx");
  photo = join(folder, "red.png");
  await writeModelFile(model, toyProgressive());
  const png = sharp(colourImage(2, 8, 1), { raw: { width: 8, height: 8, channels: 3 } }).png();
  await writeFile(photo, await png.toBuffer());
  server = await serve({ models: [model], port: 0, workers: 1 });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

async function infer(...args: readonly string[]): Promise<InferReport> {
  const { code, out, err } = await spinn("infer", model, photo, ...args, "--json");
  expect(err, err.join()).toEqual([]);
  expect(code).toBe(0);
  return JSON.parse(out) as InferReport;
}

test("with a server: where the answer comes from, what it took and what was sent", async () => {
  const { results, link } = await infer(
    "--server",
    server.url,
    "--cut",
    "relu3",
    "--threshold",
    "1",
    "--codec",
    "rans",
  );
  expect(results).toHaveLength(1);
  expect(results[0]).toMatchObject({ image: photo, source: "server", plan: { cut: "relu3", codec: "rans", bits: 8 } });
  expect(results[0]!.bytesUp).toBeGreaterThan(0);
  expect(results[0]!.timings.totalMs).toBeGreaterThan(results[0]!.timings.serverMs);
  expect(link.connected).toBe(true);
  expect(link.rttMs).toBeGreaterThan(0);
});

test("everywhere the same answer; as a table it fits a line", async () => {
  const plain = ["--threshold", "1", "--codec", "float32"];
  const [alone] = (await infer(...plain)).results;
  for (const cut of ["input", "relu3", "none"]) {
    const { results } = await infer("--server", server.url, "--cut", cut, ...plain, "--repeat", "2");
    expect(results).toHaveLength(2);
    expect(results[1]).toMatchObject({ classIndex: alone!.classIndex, exit: alone!.exit });
    expect(results[1]!.confidence).toBeCloseTo(alone!.confidence, 5);
  }
  const { out } = await spinn("infer", model, photo, "--server", server.url);
  const [headings, , row, , how] = out.split("\n");
  expect(headings).toMatch(/^image +label +confidence +exit/);
  expect(row).toMatch(/^red\.png +(blue|green|red) .*%.* (device|server) /);
  expect(how).toMatch(/^cut .*connected, round trip/);
});

test("the encoded image itself can be sent", async () => {
  const { results } = await infer("--server", server.url, "--cut", "input", "--codec", "image", "--threshold", "1");
  expect(results[0]).toMatchObject({
    source: "server",
    plan: { codec: "image" },
    timings: { prepareMs: 0, deviceMs: 0 },
  });
});

test("a server that is down: the device answers, and says so", async () => {
  const { code, out, err } = await spinn(
    "infer",
    model,
    photo,
    "--server",
    "ws://127.0.0.1:9",
    "--cut",
    "relu3",
    "--threshold",
    "1",
    "--json",
  );
  expect(code).toBe(0);
  expect(err).toHaveLength(1);
  expect(err[0]).toMatch(/answers alone: Cannot connect to ws:\/\/127\.0\.0\.1:9/);
  expect((JSON.parse(out) as InferReport).results[0]).toMatchObject({
    source: "device",
    fallbackReason: "no-connection",
  });
});

test("a server with another network is no help: both hashes, and what to do", async () => {
  const other = join(folder, "other.spinn.onnx");
  await writeModelFile(other, toyProgressive({ seed: 2 }));
  const { code, err } = await spinn("infer", other, photo, "--server", server.url);
  expect(code).toBe(1);
  const [told] = err.filter((line) => !line.includes("profile")); // the toy has none, which is told as well
  expect(told).toContain(server.models[0]!.hash);
  expect(told).toMatch(/does not serve this network, [0-9a-f]{32}: .*Give device and server the same file/);
});

test("what is missing or makes no sense is told in a line", async () => {
  const failures: [string[], RegExp][] = [
    [[model, join(folder, "no.png")], /no\.png/],
    [[model, model], /toy\.spinn\.onnx cannot be decoded as an image/],
    [[join(folder, "no.onnx"), photo], /no\.onnx/],
    [[model, photo, "--cut", "relu99"], /no cut "relu99"/],
    [[model, photo, "--codec", "image"], /cut input/],
    [[model, photo, "--server", "http://host"], /Not a WebSocket URL/],
    [[model, photo, "--bits", "9", "--cut", "input"], /9 bits/],
  ];
  for (const [args, words] of failures) {
    const { code, err } = await spinn("infer", ...args);
    expect(code).toBe(1);
    expect(err).toHaveLength(1);
    expect(err[0]).toMatch(words);
  }
});
