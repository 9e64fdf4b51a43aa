import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { helloFor, inputFor, RawDevice, runFor } from "../../test/raw-device.ts";
import { colourImage, toyNetwork, toyProgressive } from "../../test/toy.ts";
import { openCompute } from "../compute/index.ts";
import { type Compute, describeNetwork } from "../engine/index.ts";
import { preprocess } from "../image/index.ts";
import { writeModelFile } from "../onnx/index.ts";
import { websocketDial } from "../transport/index.ts";
import { type Server, serve } from "./serve.ts";

const progressive = toyProgressive();
const network = describeNetwork(progressive);
const plain = describeNetwork(toyNetwork());
let folder: string;
let models: string[];
let server: Server;
let compute: Compute;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-serve-"));
  models = [join(folder, "toy.spinn.onnx"), join(folder, "plain.onnx")];
  await writeModelFile(models[0]!, progressive);
  await writeModelFile(models[1]!, toyNetwork());
  server = await serve({ models, port: 0, workers: 1, cacheFolder: folder });
  compute = await openCompute({ model: progressive, cacheFolder: folder });
});
afterAll(async () => {
  await Promise.all([server.close(), compute.close()]);
  await rm(folder, { recursive: true });
});

async function directly(values: Float32Array): Promise<unknown> {
  const thresholds = network.exits.map(() => 1);
  const outcome = await compute.start({ start: { kind: "input", values }, cut: "none", thresholds, wantsLogits: true });
  return outcome.kind === "answered" && { ...outcome.answer, logits: outcome.logits };
}

test("says what it serves, and where", () => {
  expect(server.url).toBe(`ws://127.0.0.1:${server.port}`);
  expect(server.models).toEqual([
    {
      name: "toy.spinn.onnx",
      version: "1",
      hash: Buffer.from(network.modelHash).toString("hex"),
      exits: ["exit1", "exit2", "final"],
      cuts: ["input", ...network.cuts.filter(({ id }) => id.startsWith("relu")).map(({ id }) => id)],
    },
    expect.objectContaining({ name: "plain.onnx", exits: ["final"] }),
  ]);
});

test("answers devices of every network that it serves, as the network itself would", async () => {
  const device = await RawDevice.greeted(websocketDial(server.url), network);
  const expected = (await directly(inputFor(network, 1))) as object;
  expect(await device.asks(runFor(network, 1, inputFor(network, 1)))).toMatchObject(expected);
  const other = await RawDevice.greeted(websocketDial(server.url), plain);
  expect(await other.asks(runFor(plain, 1, inputFor(plain, 1)))).toMatchObject({ exit: 0 });
  expect(server.stats()).toMatchObject({ clients: 2, answered: 2 });
  device.close();
  other.close();
});

test("decodes an image that a device sends as it is", async () => {
  const [width, height] = [8, 8];
  const data = colourImage(1, 8, 3);
  const bytes = new Uint8Array(
    await sharp(data, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer(),
  );
  const device = await RawDevice.greeted(websocketDial(server.url), network);
  const result = await device.asks({ ...runFor(network, 4, inputFor(network, 1)), payload: { kind: "image", bytes } });
  const values = preprocess({ width, height, data }, network.preprocessing!);
  expect(result).toMatchObject((await directly(values)) as object);
  device.close();
});

test("what cannot be served is one line, and nothing is left open", async () => {
  await expect(serve({ models: [] })).rejects.toThrow(RangeError);
  await expect(serve({ models: [join(folder, "none.onnx")], port: 0 })).rejects.toThrow(/none\.onnx/);
  await expect(serve({ models, port: server.port, cacheFolder: folder })).rejects.toThrow(
    `Port ${server.port} is in use`,
  );
  await expect(serve({ models: [models[0]!, models[0]!], port: 0, cacheFolder: folder })).rejects.toThrow(
    "are both called toy.spinn.onnx, version 1",
  );
});

test("closing answers what is under way and frees the port", async () => {
  const first = await serve({ models: [models[0]!], port: 0, workers: 1, cacheFolder: folder });
  const device = await RawDevice.greeted(websocketDial(first.url), network);
  for (const id of [1, 2, 3]) device.say(runFor(network, id, inputFor(network, id)));
  device.say({ kind: "ping", id: 1, payload: new Uint8Array(0) });
  await device.hears("pong"); // the runs have arrived
  await Promise.all([first.close(), ...[1, 2, 3].map((id) => device.hears("result", id))]);
  expect(await device.hears("refuse", 0)).toMatchObject({ code: "shutting-down" });
  const again = await serve({ models: [models[0]!], port: first.port, workers: 1, cacheFolder: folder });
  expect(again.port).toBe(first.port);
  const dialled = await RawDevice.dial(websocketDial(again.url));
  dialled.say(helloFor(network));
  expect((await dialled.hears("hello")).agent).toMatch(/^spinn\/\d+\.\d+\.\d+/);
  await again.close();
});

test("closing answers what was asked over HTTP, also with a console open", async () => {
  let begun = (): void => {};
  const first = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const own = await serve({
    models: [models[0]!],
    port: 0,
    workers: 1,
    cacheFolder: folder,
    onEvent: (event) => event.kind === "run" && begun(),
  });
  const page = own.url.replace("ws:", "http:");
  const console = await fetch(`${page}/api/events`);
  const images = 32;
  const data = Array.from({ length: images }, (_, i) => [...inputFor(network, i)]).flat();
  const input = { name: "input", shape: [images, 3, 8, 8], datatype: "FP32", data };
  const asked = fetch(`${page}/v2/models/toy.spinn.onnx/infer`, {
    method: "POST",
    body: JSON.stringify({ inputs: [input], outputs: [{ name: "answer_label" }] }),
  });
  await first; // of 32
  await own.close();
  const { outputs } = (await (await asked).json()) as { outputs: { data: number[] }[] };
  expect(outputs[0]!.data).toHaveLength(images);
  await console.body?.cancel();
  await expect(fetch(`${page}/healthz`)).rejects.toThrow();
});
