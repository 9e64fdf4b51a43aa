import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { colourDataset, colourImage, toyProgressive } from "../../test/toy.ts";
import { calibrate } from "../generator/calibrate.ts";
import type { Pixels } from "../image/index.ts";
import { writeModelFile } from "../onnx/index.ts";
import { profileModel } from "../profiler/index.ts";
import { withMetadata } from "../progressive/metadata.ts";
import { type Server, serve } from "../server/index.ts";
import type { Client } from "./client.ts";
import { type ConnectOptions, connect } from "./connect.ts";
import type { PlanChange } from "./self-planning.ts";

let folder = "";
let model = "";
let unprofiled = "";
let server: Server;
const images = Array.from({ length: 12 }, (_, i): Pixels => ({ width: 8, height: 8, data: colourImage(i % 3, 8, i) }));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-planning-"));
  model = join(folder, "toy.spinn.onnx");
  unprofiled = join(folder, "unprofiled.spinn.onnx");
  const calibrated = await calibrate(toyProgressive(), colourDataset(60), { threads: 1 });
  await writeModelFile(unprofiled, calibrated);
  const profile = await profileModel(calibrated, colourDataset(60), { threads: 1 });
  await writeModelFile(model, withMetadata(calibrated, { profile }));
  server = await serve({ models: [model], port: 0, workers: 1 });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(options: Partial<ConnectOptions> = {}): Promise<Client> {
  const client = await connect({ model, server: server.url, profileBudgetMs: 500, ...options });
  onTestFinished(() => client.close());
  return client;
}

/** What an agreement leads to, and what is expected of it. */
async function changeTo(client: Client, require: readonly string[], prefer: readonly string[]): Promise<PlanChange> {
  const changes: PlanChange[] = [];
  const off = client.on("plan", (change) => changes.push(change));
  await client.setPlan({}, { require, prefer });
  off();
  expect(changes).toHaveLength(1);
  expect(client.plan).toEqual(changes[0]!.plan);
  expect(client.expected).toEqual(changes[0]!.expected);
  return changes[0]!;
}

test("an agreement becomes a plan, said with what it is to deliver; another one another", async () => {
  const client = await open({ sla: { prefer: ["min server-cost"] } });
  const stay = await changeTo(client, [], ["min server-cost", "max accuracy"]);
  expect(stay.expected!.serverCost).toBe(0);
  const go = await changeTo(client, [], ["max server-cost"]);
  // on a network this small microseconds decide where
  expect(go.plan.cut).not.toBe("none");
  expect(go).toMatchObject({ why: { kind: "first" }, relaxed: [] });
  expect(go.conditions!.rttMs).toBeGreaterThan(0);
  const impossible = await changeTo(client, ["latency.p50 <= 0.000001ms"], ["max accuracy"]);
  expect(impossible.relaxed).toEqual([expect.objectContaining({ constraint: "latency.p50 <= 0.000001ms" })]);
  for (const image of images) expect((await client.infer(image)).plan.thresholds).toHaveLength(3);
});

test("an agreement that makes no sense is refused before a plan changes", async () => {
  await expect(open({ sla: { require: ["latenzy <= 3ms"] } })).rejects.toMatchObject({ code: "Usage" });
  const client = await open();
  const before = client.plan;
  await expect(client.setPlan({}, { require: ["accuracy >= 2"] })).rejects.toThrow();
  expect(client.plan).toBe(before);
});

test("probes are nobody's inferences", async () => {
  const client = await open({ sla: { prefer: ["min server-cost"] } });
  const results = vi.fn();
  client.on("result", results);
  expect(client.stats()).toMatchObject({ answered: { device: 0, server: 0 }, bytesUp: 0, failed: 0 });
  expect(server.stats().answered).toBeGreaterThan(0);
  await client.infer(images[0]!);
  expect(results).toHaveBeenCalledTimes(1);
  expect(client.stats().answered.device + client.stats().answered.server).toBe(1);
});

test("without a stored profile what is guessed is said, also to who listens late", async () => {
  const client = await open({ model: unprofiled, sla: { prefer: ["min latency.mean"] } });
  const warnings: string[] = [];
  client.on("warning", (message) => warnings.push(message));
  expect(warnings).toEqual([expect.stringContaining("spinn profile")]);
  expect(client.network.calibration).toBeDefined();
});

test("without a server an agreement is kept on the device", async () => {
  const client = await connect({ model, sla: { prefer: ["max accuracy"] }, profileBudgetMs: 200 });
  onTestFinished(() => client.close());
  expect(client.plan.cut).toBe("none");
  expect(new Set(client.plan.thresholds)).not.toEqual(new Set([0.8]));
});

test("a server that goes away for long takes its plan along, and brings it back", async () => {
  let remote = await serve({ models: [model], port: 0, workers: 1 });
  const client = await open({ server: remote.url, sla: { prefer: ["max server-cost"] } });
  const cuts: string[] = [];
  client.on("plan", ({ plan }) => cuts.push(plan.cut));
  const links: boolean[] = [];
  client.on("link", ({ connected }) => links.push(connected));
  expect(client.plan.cut).not.toBe("none");
  const { port } = remote;
  await remote.close(0);
  while (client.plan.cut !== "none") {
    expect(await client.infer(images[0]!)).toMatchObject({ source: "device" });
    await sleep(20);
  }
  remote = await serve({ models: [model], port, workers: 1 });
  onTestFinished(() => remote.close());
  while (client.plan.cut === "none") await sleep(20);
  expect(await client.infer(images[0]!)).toMatchObject({ source: "server" });
  expect(cuts[0]).toBe("none");
  expect(cuts.at(-1)).not.toBe("none");
  expect(links).toContain(false);
  expect(client.stats().failed).toBe(0);
});
