// What `spinn serve` answers over HTTP, asked as pages, consoles and scrapers do.

import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exchange } from "../../../test/http-exchange.ts";
import { inputFor, RawDevice, runFor } from "../../../test/raw-device.ts";
import { colourDataset, toyProgressive } from "../../../test/toy.ts";
import { describeNetwork, hexOf, networkFromJson, slicePath, sliceSource } from "../../engine/index.ts";
import { writeModelFile } from "../../onnx/index.ts";
import { websocketDial } from "../../transport/index.ts";
import type { ConsolePoint, ConsoleSnapshot } from "../console/console-snapshot.ts";
import { type Server, serve } from "../index.ts";

const model = toyProgressive();
const network = describeNetwork(model);
const base = `/models/${hexOf(network.modelHash)}`;
const samples = colourDataset(60);
let folder: string;
let server: Server;
let url: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-http-"));
  const path = join(folder, "toy.spinn.onnx");
  await writeModelFile(path, model);
  server = await serve({ models: [path], port: 0, workers: 1, cacheFolder: folder, samples });
  url = server.url.replace("ws:", "http:");
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

test("lists its networks as serve() does, and where they are", async () => {
  const response = await fetch(`${url}/api/models`);
  expect(await response.json()).toEqual([{ ...server.models[0], url: `${base}/` }]);
});

test("hands out a network slice by slice, as whoever cuts it himself would get it", async () => {
  const described = await fetch(`${url}${base}/network.json`);
  expect(described.headers.get("content-type")).toBe("application/json");
  const info = networkFromJson(await described.text());
  const expected = sliceSource(model);
  const names = info.cuts.slice(1).map((cut) => cut.tensors.map(({ name }) => name));
  for (const [i, { id }] of info.cuts.slice(0, -1).entries()) {
    const to = names[i]!.length > 0 ? names[i]! : [info.exits.at(-1)!.output];
    const path = slicePath(info, id, to);
    const response = await fetch(`${url}${base}/${path}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(Buffer.compare(bytes, expected(path)!.body), id).toBe(0);
    const digest = createHash("sha256").update(bytes).digest("base64");
    expect(response.headers.get("repr-digest")).toBe(`sha-256=:${digest}:`);
    expect(response.headers.get("cache-control")).toContain("immutable");
    const tag = response.headers.get("etag")!;
    const again = await fetch(`${url}${base}/${path}`, { headers: { "If-None-Match": tag } });
    expect(again.status).toBe(304);
  }
});

test.each([
  ["/models/00000000000000000000000000000000/network.json"],
  [`${base}/model.onnx`],
  [`${base}/slice.onnx`],
  [`${base}/slice.onnx?network=x&from=input&to=relu1`],
  [`${base}/slice.onnx?network=${hexOf(network.modelHash)}&from=nowhere&to=relu1`],
  [`${base}/slice.onnx?network=${hexOf(network.modelHash)}&from=input`],
  [`${base}/..%2F..%2F..%2Fpackage.json`],
  ["/models/..%2F..%2Fpackage.json/network.json"],
  ["/models/__proto__/network.json"],
  ["/samples/4.png"],
  ["/samples/0.png/.."],
  ["/samples/..%2Findex.json"],
  ["/ort/ort.mjs"],
  ["/ort/..%2Fpackage.json"],
  ["/assets/..%2Findex.html"],
])("there is nothing at %s", async (path) => {
  const { port } = server;
  expect(await exchange(port, path)).toMatchObject({ status: 404, body: expect.stringMatching(/^\{"error":/) });
});

test("shows some of its images, evenly spread", async () => {
  const listed = (await (await fetch(`${url}/samples/index.json`)).json()) as { url: string; label: string }[];
  expect(listed).toHaveLength(48);
  expect(new Set(listed.map(({ label }) => label))).toEqual(new Set(samples.classes));
  const { url: path, label } = listed[7]!;
  const index = Number(/\d+/.exec(path)![0]);
  expect(label).toBe(samples.classes[samples.labels[index]!]);
  const response = await fetch(url + path);
  expect(response.headers.get("content-type")).toBe("image/png");
  const { data } = await sharp(Buffer.from(await response.arrayBuffer()))
    .raw()
    .toBuffer({ resolveWithObject: true });
  const pixels = await samples.pixels(index);
  expect(Buffer.compare(data, Buffer.from(pixels.data))).toBe(0);
});

test("has onnxruntime-web's own files for its pages", async () => {
  const response = await fetch(`${url}/ort/ort-wasm-simd-threaded.mjs`);
  expect({ status: response.status, type: response.headers.get("content-type") }).toEqual({
    status: 200,
    type: "text/javascript; charset=utf-8",
  });
  const wasm = await fetch(`${url}/ort/ort-wasm-simd-threaded.wasm`, { method: "HEAD" });
  expect(wasm.headers.get("content-type")).toBe("application/wasm");
});

test("tells Prometheus and the console what devices did", async () => {
  const events = await fetch(`${url}/api/events`);
  expect(events.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const device = await RawDevice.greeted(websocketDial(server.url), network);
  for (const id of [1, 2, 3]) await device.asks(runFor(network, id, inputFor(network, id)));

  const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const seen = async (isEnough: (snapshot: ConsoleSnapshot) => boolean): Promise<ConsoleSnapshot> => {
    for (;;) {
      const snapshots = [...text.matchAll(/^event: snapshot\ndata: (.*)$/gm)].map(([, json]) => JSON.parse(json!));
      const found = (snapshots as ConsoleSnapshot[]).find(isEnough);
      if (found && text.endsWith("\n\n")) return found;
      const { done, value } = await reader.read();
      if (done) throw new Error("The stream has ended");
      text += value;
    }
  };
  const { clients, networks, agent } = await seen(({ totals }) => totals.answered === 3);
  expect(clients).toEqual([
    expect.objectContaining({ agent: "test", model: "toy.spinn.onnx", cut: "input", answered: 3, refused: 0 }),
  ]);
  expect(networks).toEqual([expect.objectContaining({ ...server.models[0], clients: 1, answered: 3 })]);
  expect(agent).toMatch(/^spinn\//);
  const history = JSON.parse(/^event: history\ndata: (.*)$/m.exec(text)![1]!) as ConsolePoint[];
  expect(history.length).toBeGreaterThan(0);
  device.close();
  await seen((snapshot) => snapshot.clients.length === 0);
  await reader.cancel();

  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain('spinn_runs_total{model="toy.spinn.onnx",cut="input",exit="');
  expect(metrics).toContain('spinn_run_duration_seconds_count{model="toy.spinn.onnx",phase="total"} 3');
  expect(metrics).toContain('spinn_http_requests_total{route="/api/models",method="GET",status="200"}');
});

test("sixteen consoles are enough; closing does not wait for them", async () => {
  const path = join(folder, "toy.spinn.onnx");
  const second = await serve({ models: [path], port: 0, workers: 1, cacheFolder: folder });
  const ask = () => fetch(`${second.url.replace("ws:", "http:")}/api/events`);
  const open = await Promise.all(Array.from({ length: 16 }, ask));
  expect(open.map(({ status }) => status)).toEqual(open.map(() => 200));
  expect((await ask()).status).toBe(503);
  await open[0]!.body!.cancel();
  await expect.poll(async () => (await ask()).status, { timeout: 10_000 }).toBe(200);
  await second.close();
  // ended or broken off, as it happens
  await Promise.allSettled(open.slice(1).map((response) => response.text()));
});
