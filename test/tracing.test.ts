// One trace an inference, across a device's and a server's process, at a real collector.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import sharp from "sharp";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { connect } from "../src/client/index.ts";
import type { Span } from "../src/engine/index.ts";
import { writeModelFile } from "../src/onnx/index.ts";
import { serve } from "../src/server/index.ts";
import { exportSpans, runSpans } from "../src/telemetry/index.ts";
import { type CollectedSpan, type Collector, startCollector } from "./otlp-collector.ts";
import { spinn, startSpinn } from "./spinn.ts";
import { colourImage, toyProgressive } from "./toy.ts";

let folder: string;
let model: string;
let image: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-tracing-"));
  model = join(folder, "toy.spinn.onnx");
  image = join(folder, "red.png");
  await writeModelFile(model, toyProgressive());
  const raw = { width: 8, height: 8, channels: 3 } as const;
  await writeFile(
    image,
    await sharp(colourImage(2, 8, 1), { raw })
      .png()
      .toBuffer(),
  );
});
afterAll(() => rm(folder, { recursive: true }));

async function collecting(): Promise<Collector> {
  const collector = await startCollector();
  onTestFinished(() => collector.close());
  return collector;
}

test("spinn serve --otlp and spinn infer --otlp: spans of both processes are one tree", async () => {
  const collector = await collecting();
  const args = ["--port", "0", "--workers", "1", "--json", "--otlp", collector.url];
  const server = startSpinn(["serve", model, ...args]);
  onTestFinished(() => void server.process.kill("SIGKILL"));
  const ready = await new Promise<string>((resolve) =>
    createInterface({ input: server.process.stdout! }).once("line", resolve),
  );
  const { url } = JSON.parse(ready);
  const options = ["--server", url, "--cut", "relu2", "--threshold", "1", "--codec", "packed", "--otlp", collector.url];
  const { code, err } = await spinn("infer", model, image, ...options);
  expect({ code, err }).toEqual({ code: 0, err: [] });
  const named = (name: string): CollectedSpan[] => collector.spans.filter((span) => span.name === name);
  await vi.waitFor(() => expect(named("spinn.run")).toHaveLength(1), { timeout: 60_000, interval: 50 });

  const [infer, offload, run] = [named("spinn.infer")[0]!, named("spinn.offload")[0]!, named("spinn.run")[0]!];
  expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set([infer.traceId]));
  expect(infer).toMatchObject({ service: "spinn-device", parentSpanId: undefined, kind: 1 });
  expect(offload).toMatchObject({ service: "spinn-device", parentSpanId: infer.spanId, kind: 3 });
  expect(run).toMatchObject({ service: "spinn-server", parentSpanId: offload.spanId, kind: 2 });
  expect(infer.attributes).toMatchObject({ "spinn.source": "server", "spinn.cut": "relu2" });
  expect(run.attributes).toMatchObject({
    "spinn.outcome": "answered",
    "spinn.model": "toy.spinn.onnx",
    "spinn.cut": "relu2",
  });
  const parts = collector.spans.filter(({ parentSpanId }) => parentSpanId === run.spanId);
  expect(parts.map(({ name }) => name)).toEqual(expect.arrayContaining(["spinn.queue", "spinn.unpack", "spinn.slice"]));
  expect(named("spinn.slice")[0]!.attributes).toMatchObject({ "spinn.from": "relu2", "spinn.batch": 1 });
  for (const name of ["spinn.prepare", "spinn.compute"]) expect(named(name)[0]!.parentSpanId).toBe(infer.spanId);
  // inside each other, as far as two clocks that round agree
  expect(offload.startMs).toBeGreaterThanOrEqual(infer.startMs - 1);
  expect(offload.endMs).toBeLessThanOrEqual(infer.endMs + 1);
  for (const { startMs, endMs } of collector.spans) expect(endMs).toBeGreaterThanOrEqual(startMs);
  server.process.kill("SIGTERM");
  expect((await server.ended).code).toBe(0);
});

test("a device alone has a trace of its own; nothing travels without a listener", async () => {
  const spans: Span[] = [];
  const events: unknown[] = [];
  const server = await serve({
    models: [model],
    port: 0,
    workers: 1,
    cacheFolder: folder,
    onEvent: (event) => {
      if (event.kind !== "run") return;
      events.push(...runSpans(event, { model: "toy", exitName: String }, Date.now()));
    },
  });
  onTestFinished(() => server.close());
  const plan = { cut: "relu2", threshold: 1 };
  const traced = await connect({ model, plan, cacheFolder: folder, onSpan: (span) => spans.push(span) });
  await traced.infer(colourImageOf(1));
  await traced.close();
  const root = spans.find(({ name }) => name === "spinn.infer")!;
  expect(root.attributes).toMatchObject({ "spinn.source": "device", "spinn.fallback": "no-connection" });
  expect(spans.every(({ traceId }) => traceId === root.traceId)).toBe(true);

  const silent = await connect({ model, plan, cacheFolder: folder, server: server.url });
  expect(await silent.infer(colourImageOf(1))).toMatchObject({ source: "server" });
  await silent.close();
  expect(events).toEqual([]);
});

test("a collector that is not there costs nothing but its spans", async () => {
  const gone = await startCollector();
  await gone.close();
  const spans = exportSpans({ url: gone.url, intervalMs: 10 });
  const client = await connect({ model, plan: { cut: "none" }, cacheFolder: folder, onSpan: spans.onSpan });
  expect(await client.infer(colourImageOf(2))).toMatchObject({ source: "device" });
  await client.close();
  await spans.close();
  expect(() => exportSpans({ url: "somewhere" })).toThrow('Not the URL of a collector: "somewhere"');
});

function colourImageOf(label: number): { width: number; height: number; data: Uint8Array } {
  return { width: 8, height: 8, data: colourImage(label, 8, 3) };
}
