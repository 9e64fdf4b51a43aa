// SIGTERM on a server that is busy, as its operator and its load balancer see it: `/healthz` says so, and nobody loses an answer.

import { createInterface } from "node:readline";
import { expect, onTestFinished, test, vi } from "vitest";
import { describeNetwork } from "../src/engine/index.ts";
import { readModelFile } from "../src/onnx/index.ts";
import { websocketDial } from "../src/transport/index.ts";
import { inputFor, RawDevice, runFor } from "./raw-device.ts";
import { startSpinn } from "./spinn.ts";

const MODEL = "models/cifar10-vgg16.spinn.onnx";
const REQUESTS = 24;
const IMAGES = 32;
const PATIENT = { timeout: 60_000, interval: 5 };

test("while a server finishes, /healthz is 503 and every answer that was asked for comes", async () => {
  const network = describeNetwork(await readModelFile(MODEL));
  const flags = [
    "--port",
    "0",
    "--json",
    "--workers",
    "1",
    "--batching",
    "off",
    "--max-queued",
    "2000",
    "--grace",
    "60",
  ];
  const program = startSpinn(["serve", MODEL, ...flags]);
  onTestFinished(() => void program.process.kill("SIGKILL"));
  const ready = await new Promise<string>((resolve, reject) => {
    createInterface({ input: program.process.stdout! }).once("line", resolve);
    program.ended.then(({ err }) => reject(new Error(err.join("\n"))), reject);
  });
  const { url, models } = JSON.parse(ready);
  const page = url.replace("ws:", "http:");
  const health = async (): Promise<unknown> => {
    const response = await fetch(`${page}/healthz`);
    return { code: response.status, ...((await response.json()) as object) };
  };
  expect(await health()).toMatchObject({ code: 200, status: "ok" });
  const device = await RawDevice.greeted(websocketDial(url), network);

  // enough work for a while: all exits of so many images, one by one
  const values = inputFor(network, 1);
  const shape = [IMAGES, ...network.input.shape.slice(1)];
  const parameters = { binary_data_size: IMAGES * values.byteLength };
  const head = {
    inputs: [{ name: network.input.name, shape, datatype: "FP32", parameters }],
    parameters: { threshold: 1 },
  };
  const json = Buffer.from(JSON.stringify(head));
  const image = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  const body = Buffer.concat([json, ...Array.from({ length: IMAGES }, () => image)]);
  const headers = { "Inference-Header-Content-Length": String(json.length) };
  const asked = Array.from({ length: REQUESTS }, () =>
    fetch(`${page}/v2/models/${models[0].name}/infer`, { method: "POST", body, headers }),
  );
  const depth = async (): Promise<number> => {
    const metrics = await (await fetch(`${page}/metrics`)).text();
    return Number(/^spinn_queue_depth (\d+)$/m.exec(metrics)![1]);
  };
  let waiting = 0;
  await vi.waitFor(async () => {
    waiting = await depth();
    expect(waiting).toBeGreaterThan((REQUESTS * IMAGES) / 4);
  }, PATIENT);
  const ids = Array.from({ length: 8 }, (_, i) => i + 1);
  for (const id of ids) device.say(runFor(network, id, values));
  device.say({ kind: "ping", id: 1, payload: new Uint8Array(0) });
  await device.hears("pong"); // they have arrived

  program.process.kill("SIGTERM");
  await vi.waitFor(async () => expect(await health()).toMatchObject({ code: 503, status: "draining" }), PATIENT);
  device.say(runFor(network, 99, values));
  expect(await device.hears("refuse", 99)).toMatchObject({ code: "shutting-down" });
  for (const id of ids) await device.hears("result", id);
  const answers = await Promise.all(asked);
  const taken = answers.filter(({ status }) => status === 200);
  expect(taken.length * IMAGES).toBeGreaterThanOrEqual(waiting);
  for (const answer of taken) expect(await answer.json()).toMatchObject({ outputs: expect.any(Array) });
  // who came too late hears why
  for (const answer of answers.filter((one) => !taken.includes(one)))
    expect(await answer.json()).toEqual({ error: "The server is shutting down" });
  expect((await program.ended).code).toBe(0);
}, 120_000);
