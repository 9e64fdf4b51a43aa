// A page that reaches a cluster over the NATS server's own WebSocket, with no more permissions than it needs.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectNats, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deployModel, type Gateway, startGateway, startWorker, type Worker } from "../../src/cluster/index.ts";
import { encodeModel } from "../../src/onnx/codec.ts";
import { writeModelFile } from "../../src/onnx/index.ts";
import { freePort, hasNats, type NatsServer, noNats, startNats } from "../nats-server.ts";
import { toyProgressive } from "../toy.ts";
import { describeInChromium } from "./in-chromium.ts";
import { ask, type ToyImage } from "./lab.ts";

const PATIENT = { timeout: 60_000, interval: 50 };
const PASSWORD = "of-the-page";
const model = toyProgressive();
const images: readonly ToyImage[] = Array.from({ length: 6 }, (_, i) => ({ label: i % 3, seed: i }));

/** As docs/cluster.md says, but for TLS. */
const configuration = (port: number): string => `
websocket { host: "127.0.0.1", port: ${port}, no_tls: true }
authorization {
  users = [
    { user: "cloud", password: "of-the-cloud" }
    { user: "page", password: "${PASSWORD}", permissions: {
        publish: ["spinn.devices", "_INBOX.>"], subscribe: ["_INBOX_page.>"] } }
  ]
}`;

describe.skipIf(!hasNats())(hasNats() ? "over NATS" : noNats, () => {
  let folder: string;
  let server: NatsServer;
  let clients: NatsConnection[];
  let gateway: Gateway;
  let worker: Worker;
  let url: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "spinn-page-nats-"));
    const [path, config] = [join(folder, "toy.spinn.onnx"), join(folder, "nats.conf")];
    const port = await freePort();
    url = `ws://127.0.0.1:${port}`;
    await writeModelFile(path, model);
    await writeFile(config, configuration(port));
    server = await startNats(["-c", config]);
    const who = {
      servers: server.url,
      user: "cloud",
      pass: "of-the-cloud",
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
    };
    clients = await Promise.all([connectNats(who), connectNats(who)]);
    const [first, second] = clients as [NatsConnection, NatsConnection];
    await deployModel(first, path);
    gateway = await startGateway({ nats: first, port: 0, modelFolder: join(folder, "gateway") });
    worker = await startWorker({ nats: second, modelFolder: join(folder, "worker"), cacheFolder: folder });
  });
  afterAll(async () => {
    await worker?.close();
    await gateway?.close();
    await Promise.all((clients ?? []).map((client) => client.close()));
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  describeInChromium("test/e2e/pages/lab.ts", { "toy.onnx": encodeModel(model) }, (visit) => {
    test("a page is answered by a worker; without NATS by itself, and again by a worker when it is back", async () => {
      const { page, complaints } = await visit("plain");
      const plan = { cut: "relu3", threshold: 1 };
      await ask(page, "connect", { nats: { url, password: PASSWORD }, cut: "relu3" });
      const there = await ask(page, "infer", plan, images);
      expect(there.map(({ source }) => source)).toEqual(images.map(() => "server"));
      expect(worker.stats().answered).toBeGreaterThanOrEqual(images.length);
      const expected = await ask(page, "infer", { ...plan, cut: "none" }, images);
      expect(there.map(({ label }) => label)).toEqual(expected.map(({ label }) => label));

      await server.kill();
      const without = await ask(page, "infer", plan, images);
      expect(without.map(({ source }) => source)).toEqual(images.map(() => "device"));
      await server.start();
      const sources = async (): Promise<string[]> => {
        const found = await ask(page, "infer", plan, images);
        return [...new Set(found.map(({ source }) => source))];
      };
      await expect.poll(sources, PATIENT).toEqual(["server"]);
      await ask(page, "disconnect");
      // all that the page has to say is the browser's own word on the WebSocket that was lost
      expect(complaints.filter((line) => !line.includes("WebSocket connection to"))).toEqual([]);
    });

    test("who may not come in is refused by NATS", async () => {
      const { page } = await visit("plain");
      const refused = ask(page, "connect", { nats: { url, password: "wrong" }, cut: "relu3" });
      await expect(refused).rejects.toThrow(/authorization/i);
    });
  });
});
