import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { colourImage, toyProgressive } from "../../test/toy.ts";
import { shippedModel } from "../cli/commands/demo.ts";
import type { Pixels } from "../image/index.ts";
import { encodeModel, writeModelFile } from "../onnx/index.ts";
import { programName } from "../package-file.ts";
import { type Server, serve } from "../server/index.ts";
import { websocketDial } from "../transport/index.ts";
import type { Client } from "./client.ts";
import { type ConnectOptions, connect } from "./connect.ts";

let folder = "";
let model = "";
let server: Server;
const images = Array.from({ length: 12 }, (_, i): Pixels => ({ width: 8, height: 8, data: colourImage(i % 3, 8, i) }));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-client-"));
  model = join(folder, "toy.spinn.onnx");
  await writeModelFile(model, toyProgressive());
  server = await serve({ models: [model], port: 0, workers: 1 });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(options: Partial<ConnectOptions> = {}): Promise<Client> {
  const client = await connect({ model, server: server.url, ...options });
  onTestFinished(() => client.close());
  return client;
}

test("any way to reach the server will do, and the server hears which program has come", async () => {
  const agents: string[] = [];
  const other = await serve({
    models: [model],
    port: 0,
    workers: 1,
    onEvent: (event) => event.kind === "greeted" && agents.push(event.agent),
  });
  onTestFinished(() => other.close());
  const client = await open({ server: websocketDial(other.url), plan: { cut: "relu3", threshold: 1 } });
  expect((await client.infer(images[0]!)).source).toBe("server");
  expect(agents).toEqual([programName()]);
});

test("at every cut the answer is that of the unsplit network", async () => {
  const client = await open({ plan: { cut: "none", threshold: 1 } });
  const whole = await Promise.all(images.map((image) => client.infer(image)));
  for (const { id } of client.network.cuts) {
    await client.setPlan({ cut: id, threshold: 1, codec: "float32" });
    expect(client.plan.cut).toBe(id);
    const split = await Promise.all(images.map((image) => client.infer(image)));
    for (const [i, { classIndex, exit, confidence, source }] of split.entries()) {
      expect(source).toBe(id === "none" ? "device" : "server");
      expect({ classIndex, exit }).toEqual({ classIndex: whole[i]!.classIndex, exit: whole[i]!.exit });
      expect(Math.abs(confidence - whole[i]!.confidence)).toBeLessThan(1e-4);
    }
  }
});

test("an encoded image, its pixels and the tensor made of them are the same image", async () => {
  const client = await open({ plan: { cut: "relu3", threshold: 1, codec: "float32" } });
  const pixels = images[0]!;
  const png = await sharp(pixels.data, { raw: { width: 8, height: 8, channels: 3 } })
    .png()
    .toBuffer();
  const [a, b] = [await client.infer(png), await client.infer(pixels)];
  expect(a).toMatchObject({ classIndex: b.classIndex, exit: b.exit, confidence: b.confidence });
  await expect(client.infer(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: "InvalidData" });
});

test("auto finds a plan, and says it", async () => {
  const client = await open({ profileBudgetMs: 500 });
  expect(client.network.cuts.map(({ id }) => id)).toContain(client.plan.cut);
  expect(client.plan.thresholds).toEqual([0.8, 0.8, 0.8]);
  const { plan } = await client.infer(images[0]!);
  expect(plan).toEqual(client.plan);
});

test("on a device that is very slow, auto leaves the work to the server", async () => {
  const client = await open({ slowdown: 300, plan: { threshold: 1 } });
  expect(client.link.connected).toBe(true);
  // what it believes of the link at first depends on what else this machine does
  const moved = async (): Promise<void> => {
    await client.infer(images[0]!);
    expect(client.plan.cut).not.toBe("none");
  };
  await vi.waitFor(moved, { timeout: 60_000, interval: 100 });
});

test("without a server every plan works", async () => {
  for (const cut of ["auto", "input", "relu3", "none"]) {
    const client = await connect({ model: encodeModel(toyProgressive()), plan: { cut } });
    expect(await client.infer(images[0]!)).toMatchObject({ source: "device" });
    await client.close();
  }
});

test("what cannot be is refused before anything is left running", async () => {
  await expect(open({ plan: { cut: "relu99" } })).rejects.toThrow(RangeError);
  await expect(open({ plan: { codec: "image" } })).rejects.toThrow(RangeError);
  await expect(open({ server: "http://host" })).rejects.toThrow(RangeError);
  await expect(open({ model: join(folder, "none.onnx") })).rejects.toMatchObject({ code: "FileAccess" });
  const signal = AbortSignal.timeout(1);
  await expect(open({ signal })).rejects.toMatchObject({ code: "Aborted" });
  const client = await open();
  await expect(client.setPlan({ cut: "relu99" })).rejects.toThrow(RangeError);
  await client.close();
  await expect(client.infer(images[0]!)).rejects.toMatchObject({ code: "Aborted" });
});

describe("the shipped model", () => {
  test("a server that goes and comes back: not one answer is lost or late, and none is other than the device's own", async () => {
    const path = await shippedModel();
    const options = { models: [path], workers: 1 };
    let remote = await serve({ ...options, port: 0 });
    const client = await connect({
      model: path,
      server: remote.url,
      plan: { cut: "none", threshold: 1 },
      deadlineMs: 5000,
      seed: 1,
    });
    onTestFinished(() => client.close());
    const relus = client.network.cuts.filter(({ sparse, id }) => sparse && id !== "none" && id !== "input");
    const photos = Array.from(
      { length: 20 },
      (_, i): Pixels => ({ width: 32, height: 32, data: colourImage(i % 3, 32, i) }),
    );
    const own = await Promise.all(photos.map((photo) => client.infer(photo)));
    await client.setPlan({ cut: relus[5]!.id, threshold: 1, codec: "float32" });

    const compare = async (source: string): Promise<void> => {
      const results = await Promise.all(photos.map((photo) => client.infer(photo)));
      for (const [i, result] of results.entries()) {
        expect(result.exit).toBe(own[i]!.exit);
        expect(result.confidence).toBeCloseTo(own[i]!.confidence, 4);
        expect(result.timings.totalMs).toBeLessThan(5000);
      }
      expect(new Set(results.map((result) => result.source))).toEqual(new Set([source]));
    };
    await compare("server");
    const { port } = remote;
    await remote.close(0);
    await compare("device");
    remote = await serve({ ...options, port });
    onTestFinished(() => remote.close());
    while (!client.link.connected) await sleep(20);
    await compare("server");
    expect(client.stats()).toMatchObject({ failed: 0, pending: 0, connections: 2 });
  });
});
