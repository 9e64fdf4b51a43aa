// A cluster in one process but for the NATS server, which is real: gateway, workers, deployments, devices.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { openInProcessCompute } from "../../test/in-process-compute.ts";
import { hasNats, type NatsServer, noNats, startNats } from "../../test/nats-server.ts";
import { helloFor, inputFor, RawDevice, runFor } from "../../test/raw-device.ts";
import { toyProgressive } from "../../test/toy.ts";
import { describeNetwork, hexOf } from "../engine/index.ts";
import { writeModelFile } from "../onnx/index.ts";
import { programName } from "../package-file.ts";
import { createRng } from "../random.ts";
import { websocketDial } from "../transport/index.ts";
import { natsDial } from "../transport/nats.ts";
import { encodeMessage, type Message } from "../wire/index.ts";
import { deployModel } from "./deploy-model.ts";
import { openDeployments } from "./deployment-store.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { DEVICES_SUBJECT, hereSubject, whoSubject, workerSubject } from "./subjects.ts";
import { startWorker, type Worker, type WorkerOptions } from "./worker.ts";

const PATIENT = { timeout: 60_000, interval: 20 };
const model = toyProgressive();
const network = describeNetwork(model);

describe.skipIf(!hasNats())(hasNats() ? "a cluster" : noNats, () => {
  let folder: string;
  let path: string;
  let server: NatsServer;
  let gateway: Gateway;
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "spinn-cluster-"));
    path = join(folder, "toy.spinn.onnx");
    await writeModelFile(path, model);
    server = await startNats();
    gateway = await startGateway({
      nats: await server.client(),
      port: 0,
      modelFolder: join(folder, "gateway"),
      onError,
    });
  });
  afterAll(async () => {
    await gateway?.close();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function work(options: Partial<WorkerOptions> = {}): Promise<Worker> {
    const worker = await startWorker({
      nats: await server.client(),
      modelFolder: join(folder, "worker"),
      cacheFolder: join(folder, "slices"),
      onError,
      ...options,
    });
    onTestFinished(() => worker.close());
    return worker;
  }

  const device = async (): Promise<RawDevice> => {
    const made = await RawDevice.greeted(websocketDial(gateway.url), network);
    onTestFinished(() => made.close());
    return made;
  };

  test("nothing is deployed: devices are told so; then it is, and they are served", async () => {
    const early = await RawDevice.dial(websocketDial(gateway.url));
    early.say(helloFor(network));
    expect((await early.hears("refuse")).code).toBe("unknown-model");
    const health = await fetch(`${gateway.url.replace("ws:", "http:")}/healthz`);
    expect(await health.json()).toEqual({ status: "ok", agent: programName() });

    const deployment = await deployModel(await server.client(), path);
    expect(deployment).toMatchObject({ name: "toy", version: "1", maxQueued: 256 });
    await vi.waitFor(() => expect(gateway.models.map(({ name }) => name)).toEqual(["toy"]), PATIENT);
    const worker = await work();
    expect(worker.deployments).toEqual([deployment]);
    await vi.waitFor(() => expect(gateway.workers).toBe(1), PATIENT);

    const phone = await device();
    const result = await phone.asks(runFor(network, 1, inputFor(network, 1)));
    expect(result.logits).toHaveLength(network.classes);
    expect(gateway.stats().answered).toBe(1);
    expect(worker.stats().answered).toBe(1);
    const asGateway = await RawDevice.greeted(natsDial(await server.client(), workerSubject(worker.id)), network);
    expect(asGateway.hello).toMatchObject({ role: "server", agent: programName() });
    asGateway.close();
    expect(errors).toEqual([]);
  });

  test("devices may speak NATS themselves", async () => {
    await work();
    const phone = await RawDevice.greeted(natsDial(await server.client(), DEVICES_SUBJECT), network);
    onTestFinished(() => phone.close());
    await vi.waitFor(() => expect(gateway.workers).toBe(1), PATIENT);
    const result = await phone.asks(runFor(network, 1, inputFor(network, 1)));
    expect(result.logits).toHaveLength(network.classes);
  });

  test("answers are those of a network that is computed here", async () => {
    await work();
    const phone = await device();
    const compute = await openInProcessCompute(model);
    onTestFinished(() => compute.close());
    for (let id = 1; id <= 5; id++) {
      const values = inputFor(network, id);
      const remote = await phone.asks(runFor(network, id, values));
      const thresholds = network.exits.map(() => 1);
      const start = { kind: "input", values } as const;
      const local = await compute.start({ start, cut: "none", thresholds, wantsLogits: true });
      if (local.kind !== "answered") throw new Error("it has not answered");
      expect(remote).toMatchObject({ exit: local.answer.exit, label: local.answer.label });
      expect(remote.logits![0]).toBeCloseTo(local.logits![0]!, 4);
    }
  });

  test("workers come and go under load: every run is answered", async () => {
    let isOver = false;
    let asked = 0;
    const first = await work();
    const devices = await Promise.all(Array.from({ length: 4 }, device));
    const load = devices.map(async (phone, i) => {
      for (let id = 1; !isOver; id++) {
        asked++;
        await phone.asks(runFor(network, id, inputFor(network, 100 * i + id)));
      }
    });
    const answered = gateway.stats().answered;
    const progress = (runs: number): Promise<void> =>
      vi.waitFor(() => expect(gateway.stats().answered).toBeGreaterThan(answered + runs), PATIENT);
    await progress(20);
    const second = await work();
    await vi.waitFor(() => expect(second.stats().answered).toBeGreaterThan(10), PATIENT);
    // in an orderly way, then by losing NATS: as good as dead for the gateway
    await first.close();
    await progress(200);
    const nats = await server.client();
    await work({ nats });
    await vi.waitFor(() => expect(gateway.workers).toBe(2), PATIENT);
    await nats.close();
    await progress(400);
    isOver = true;
    await Promise.all(load);
    expect(gateway.stats()).toMatchObject({ answered: answered + asked, refused: 0, queued: 0 });
  });

  test("a bad packet is refused to whoever sent it, and disturbs nobody else", async () => {
    const worker = await work();
    const [honest, liar] = [await device(), await device()];
    const run = runFor(network, 1, inputFor(network, 1));
    const bytes = new Uint8Array(run.payload.bytes).fill(7, 40);
    liar.say({ ...run, payload: { ...run.payload, bytes } });
    expect((await liar.hears("refuse", 1)).code).toBe("bad-payload");
    await liar.isClosed();
    await honest.asks(run);
    expect(worker.stats().clients).toBe(1);
  });

  test("noise on the cluster's subjects is refused, and disturbs nobody", async () => {
    const worker = await work();
    const stranger = await server.client();
    const hash = hexOf(network.modelHash);
    const rng = createRng(3);
    for (let i = 0; i < 100; i++) {
      const noise = Uint8Array.from({ length: 1 + 300 * rng() }, () => 256 * rng());
      stranger.publish(hereSubject(hash, "00000000"), noise);
      stranger.publish(hereSubject(hash, `x${i}`), encodeMessage({ ...helloFor(network), role: "server" }));
      stranger.publish(whoSubject(`${i}`), noise);
      stranger.publish(workerSubject(worker.id), noise, { reply: "nowhere" });
    }
    await stranger.flush();
    const phone = await device();
    await phone.asks(runFor(network, 1, inputFor(network, 1)));
    expect(gateway.workers).toBe(1);
  });

  test("a deployment that is damaged is told of and changes nothing; another version is served beside the first", async () => {
    const deployments = await openDeployments(await server.client());
    const [first] = await deployments.list();
    const before = errors.length;
    const other = describeNetwork(toyProgressive({ seed: 9 }));
    const otherPath = join(folder, "other.spinn.onnx");
    await writeModelFile(otherPath, toyProgressive({ seed: 9 }));
    await deployments.put({ ...first!, name: "bad", hash: "0".repeat(32), fileHash: "0".repeat(64) });
    await vi.waitFor(() => expect(errors.length).toBeGreaterThan(before), PATIENT);
    expect(String(errors.at(-1))).toMatch(/bad@1 cannot be served: its file is not in the store/);
    expect(await deployments.remove("bad", "1")).toBe(true);
    expect(await deployments.remove("bad", "1")).toBe(false);

    const phone = await device();
    await work();
    await deployModel(await server.client(), otherPath, { name: "toy", version: "2" });
    await vi.waitFor(() => expect(gateway.workers).toBe(2), PATIENT);
    expect(gateway.models.map(({ version }) => version).sort()).toEqual(["1", "2"]);
    const newer = await RawDevice.greeted(websocketDial(gateway.url), other);
    await newer.asks(runFor(other, 1, inputFor(other, 1)));
    // the one that goes is answered to the end, the one that stays does not notice
    await deployments.remove("toy", "2");
    expect(await newer.isClosed()).toMatch(/no longer served/);
    await phone.asks(runFor(network, 1, inputFor(network, 1)));
    await vi.waitFor(() => expect(gateway.models).toHaveLength(1), PATIENT);
  });

  test("NATS breaks: devices are told at once that it is busy; it comes back by itself", async () => {
    await work();
    const phone = await device();
    await phone.asks(runFor(network, 1, inputFor(network, 1)));
    let id = 1;
    /** What becomes of a run. */
    const outcome = async (): Promise<string> => {
      const run = runFor(network, ++id, inputFor(network, id));
      phone.say(run);
      const isIts = (message: Message): boolean => "id" in message && message.id === run.id;
      await vi.waitFor(() => expect(phone.heard.some(isIts)).toBe(true), PATIENT);
      const end = phone.heard.find(isIts)!;
      return end.kind === "refuse" ? end.code : end.kind;
    };
    await server.kill();
    await expect.poll(outcome, PATIENT).toBe("busy");
    await server.start();
    await expect.poll(outcome, PATIENT).toBe("result");
  });

  test("a gateway that closes says so, and answers HTTP clients that wait", async () => {
    const leaving = await startGateway({
      nats: await server.client(),
      port: 0,
      modelFolder: join(folder, "gateway"),
      onError,
    });
    await vi.waitFor(() => expect(leaving.models).toHaveLength(1), PATIENT);
    const url = leaving.url.replace("ws:", "http:");
    const data = Array.from(inputFor(network, 1));
    const body = JSON.stringify({
      inputs: [{ name: network.input.name, shape: network.input.shape, datatype: "FP32", data }],
    });
    // there is no worker: it waits for one for a while
    const asked = fetch(`${url}/v2/models/${leaving.models[0]!.name}/infer`, { method: "POST", body });
    await vi.waitFor(() => expect(leaving.stats().queued).toBe(1), PATIENT);
    const closing = leaving.close();
    const health = await fetch(`${url}/healthz`);
    expect(health.status).toBe(503);
    expect(await health.json()).toMatchObject({ status: "draining" });
    const answer = await asked;
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ error: expect.any(String) });
    await closing;
  });

  test("without a worker a run waits for one, and is refused as busy when none comes", async () => {
    const phone = await device();
    phone.say(runFor(network, 1, inputFor(network, 1)));
    expect((await phone.hears("refuse", 1)).code).toBe("busy");
  });
});
