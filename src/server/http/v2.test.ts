// The Open Inference Protocol as a client of KServe or Triton meets it: against its specification, and against whoever means harm.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inputFor } from "../../../test/raw-device.ts";
import { largestDifference, runWith } from "../../../test/run-model.ts";
import { colourImage, toyProgressive } from "../../../test/toy.ts";
import { describeNetwork } from "../../engine/index.ts";
import { preprocess } from "../../image/index.ts";
import { writeModelFile } from "../../onnx/index.ts";
import { float32 } from "../../tensor.ts";
import { type Server, serve } from "../index.ts";

const model = toyProgressive();
const network = describeNetwork(model);
const INFER = "/v2/models/toy.spinn.onnx/infer";
let folder: string;
let server: Server;
let url: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-v2-"));
  const path = join(folder, "toy.spinn.onnx");
  await writeModelFile(path, model);
  server = await serve({ models: [path], port: 0, workers: 1, cacheFolder: folder });
  url = server.url.replace("ws:", "http:");
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

interface Tensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: number[];
  readonly data?: number[];
  readonly parameters?: { readonly binary_data_size: number };
}

async function ask(path: string): Promise<{ status: number; json: unknown }> {
  const response = await fetch(url + path);
  return { status: response.status, json: await response.json() };
}

async function post(body: unknown, headers: Record<string, string> = {}, path = INFER): Promise<Response> {
  const bytes = body instanceof Uint8Array || typeof body === "string" ? body : JSON.stringify(body);
  return await fetch(url + path, { method: "POST", body: bytes, headers });
}

/** Two images, seeds 1 and 2. */
const images = [1, 2].map((seed) => inputFor(network, seed));
const flat = images.flatMap((image) => Array.from(image));
const input = { name: "input", shape: [2, 3, 8, 8], datatype: "FP32", data: flat };
/** As ONNX Runtime computes it from the whole file. */
async function wholeLogits(): Promise<Float32Array> {
  const outputs = await runWith(model, { input: float32(Float32Array.from(flat), [2, 3, 8, 8]) });
  return outputs.logits!.data as Float32Array;
}

function nested(values: readonly number[], [first = 0, ...rest]: readonly number[]): unknown[] {
  if (rest.length === 0) return [...values];
  const each = values.length / first;
  return Array.from({ length: first }, (_, i) => nested(values.slice(i * each, (i + 1) * each), rest));
}

function withBinary(json: unknown, ...binaries: readonly Uint8Array[]): [Uint8Array, Record<string, string>] {
  const head = Buffer.from(JSON.stringify(json));
  return [Buffer.concat([head, ...binaries]), { "Inference-Header-Content-Length": String(head.length) }];
}

test("says what it is, what it has, and that it is ready", async () => {
  expect(await ask("/v2")).toEqual({
    status: 200,
    json: { name: "spinn", version: expect.stringMatching(/^\d+\.\d+/), extensions: ["binary_tensor_data"] },
  });
  expect(await ask("/v2/health/live")).toEqual({ status: 200, json: { live: true } });
  expect(await ask("/v2/health/ready")).toEqual({ status: 200, json: { ready: true } });
  expect(await ask("/v2/models/toy.spinn.onnx/ready")).toEqual({
    status: 200,
    json: { name: "toy.spinn.onnx", ready: true },
  });
  const metadata = {
    name: "toy.spinn.onnx",
    versions: ["1"],
    platform: "onnx_onnxruntime",
    inputs: [{ name: "input", datatype: "FP32", shape: [-1, 3, 8, 8] }],
    outputs: [
      { name: "logits", datatype: "FP32", shape: [-1, 3] },
      { name: "answer_label", datatype: "INT32", shape: [-1] },
      { name: "answer_confidence", datatype: "FP32", shape: [-1] },
      { name: "answer_exit", datatype: "INT32", shape: [-1] },
    ],
  };
  expect(await ask("/v2/models/toy.spinn.onnx")).toEqual({ status: 200, json: metadata });
  expect(await ask("/v2/models/toy.spinn.onnx/versions/1")).toEqual({ status: 200, json: metadata });
  for (const path of ["/v2/models/other", "/v2/models/toy.spinn.onnx/versions/2", "/v2/models/..%2Ftoy/ready"])
    expect(await ask(path)).toEqual({ status: 404, json: { error: expect.any(String) } });
});

test("infers what the whole network says, flat or nested", async () => {
  const expected = await wholeLogits();
  for (const data of [flat, nested(flat, input.shape)]) {
    const response = await post({ id: "seven", inputs: [{ ...input, data }] });
    expect(response.status).toBe(200);
    const { outputs, ...rest } = (await response.json()) as { outputs: Tensor[] };
    expect(rest).toEqual({ model_name: "toy.spinn.onnx", model_version: "1", id: "seven" });
    const [logits, label, confidence, exit] = outputs;
    expect(logits).toMatchObject({ name: "logits", datatype: "FP32", shape: [2, 3] });
    expect(
      largestDifference({ a: float32(Float32Array.from(logits!.data!), [2, 3]) }, { a: float32(expected, [2, 3]) }),
    ).toBeLessThan(1e-4);
    const best = [0, 1].map((i) => {
      const row = Array.from(expected.subarray(3 * i, 3 * i + 3));
      return row.indexOf(Math.max(...row));
    });
    expect(label).toEqual({ name: "answer_label", datatype: "INT32", shape: [2], data: best });
    expect(confidence!.data!.every((value) => value > 0 && value <= 1)).toBe(true);
    expect(exit!.data).toEqual([2, 2]); // the final one
  }
});

test("with a threshold the first exit that is sure answers", async () => {
  const response = await post({
    parameters: { threshold: 0 },
    inputs: [input],
    outputs: [{ name: "answer_exit" }],
  });
  expect(await response.json()).toMatchObject({
    outputs: [{ name: "answer_exit", datatype: "INT32", shape: [2], data: [0, 0] }],
  });
});

test("takes and gives binary tensors", async () => {
  const { data: _, ...rest } = input;
  const raw = new Uint8Array(Float32Array.from(flat).buffer);
  const [body, headers] = withBinary(
    {
      inputs: [{ ...rest, parameters: { binary_data_size: raw.length } }],
      outputs: [{ name: "answer_label" }, { name: "logits", parameters: { binary_data: true } }],
    },
    raw,
  );
  const response = await post(body, headers);
  expect(response.status).toBe(200);
  const length = Number(response.headers.get("Inference-Header-Content-Length"));
  const bytes = Buffer.from(await response.arrayBuffer());
  const { outputs } = JSON.parse(bytes.subarray(0, length).toString()) as { outputs: Tensor[] };
  expect(outputs.map(({ name, data, parameters }) => ({ name, length: data?.length, parameters }))).toEqual([
    { name: "answer_label", length: 2, parameters: undefined },
    { name: "logits", length: undefined, parameters: { binary_data_size: 24 } },
  ]);
  const logits = new Float32Array(new Uint8Array(bytes.subarray(length)).buffer);
  const expected = await wholeLogits();
  expect(logits).toHaveLength(6);
  expect(Math.max(...logits.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(1e-4);
});

test("takes encoded images as BYTES", async () => {
  const data = colourImage(1, 8, 3);
  const png = await sharp(data, { raw: { width: 8, height: 8, channels: 3 } })
    .png()
    .toBuffer();
  const length = Buffer.alloc(4);
  length.writeUInt32LE(png.length);
  const each = [length, png, length, png];
  const size = 2 * (4 + png.length);
  const request = {
    inputs: [{ name: "input", datatype: "BYTES", shape: [2], parameters: { binary_data_size: size } }],
  };
  const decoded = Array.from(preprocess({ width: 8, height: 8, data }, network.preprocessing!));
  const [fromPng, fromValues] = await Promise.all([
    post(...withBinary(request, ...each)).then((response) => response.json()),
    post({ inputs: [{ ...input, data: [...decoded, ...decoded] }] }).then((response) => response.json()),
  ]);
  expect(fromPng).toEqual(fromValues);
  const damaged = await post(...withBinary(request, length, Buffer.alloc(png.length), length, png));
  expect(damaged.status).toBe(400);
  expect(await damaged.json()).toEqual({ error: expect.stringMatching(/image/) });
});

const { data: _data, ...noData } = input;
const number64 = (value: number) => Array.from({ length: 384 }, () => value);
test.each<[string, unknown, RegExp]>([
  ["no JSON", "{", /no JSON/],
  ["no UTF-8", Uint8Array.of(0x22, 0xff, 0x22), /no JSON/],
  ["nothing", "", /no JSON/],
  ["a list", [], /object/],
  ["no inputs", {}, /inputs/],
  ["two inputs", { inputs: [input, input] }, /inputs/],
  ["another input", { inputs: [{ ...input, name: "image" }] }, /"input"/],
  ["a name to fill a log with", { inputs: [{ ...input, name: "x".repeat(10_000) }] }, /^.{1,200}$/],
  ["another type", { inputs: [{ ...input, datatype: "INT64" }] }, /FP32/],
  ["another shape", { inputs: [{ ...input, shape: [2, 8, 8, 3] }] }, /\[N, 3, 8, 8\]/],
  ["no images", { inputs: [{ ...input, shape: [0, 3, 8, 8], data: [] }] }, /1 to 32/],
  ["too many images", { inputs: [{ ...input, shape: [1e9, 3, 8, 8] }] }, /1 to 32/],
  ["a negative shape", { inputs: [{ ...input, shape: [-1, 3, 8, 8] }] }, /shape/],
  ["a shape that is no number", { inputs: [{ ...input, shape: ["2", 3, 8, 8] }] }, /shape/],
  ["too few numbers", { inputs: [{ ...input, data: flat.slice(1) }] }, /383 numbers/],
  ["too many numbers", { inputs: [{ ...input, data: [...flat, 1] }] }, /385 numbers/],
  ["text for numbers", { inputs: [{ ...input, data: ["1", ...flat.slice(1)] }] }, /numbers/],
  ["nulls", { inputs: [{ ...input, data: [null, ...flat.slice(1)] }] }, /numbers/],
  ["too large numbers", { inputs: [{ ...input, data: number64(1e39) }] }, /FP32/],
  [
    "infinite numbers",
    JSON.stringify({ inputs: [{ ...input, data: [9, ...flat.slice(1)] }] }).replace("[9,", "[1e999,"),
    /FP32/,
  ],
  ["deeper than its shape", { inputs: [{ ...input, data: [[[[[flat]]]]] }] }, /nested/],
  ["no data", { inputs: [noData] }, /list/],
  ["an output that there is not", { inputs: [input], outputs: [{ name: "probabilities" }] }, /logits, answer_label/],
  ["a threshold beyond 1", { inputs: [input], parameters: { threshold: 1.5 } }, /threshold/],
  ["bytes that do not come", { inputs: [{ ...noData, parameters: { binary_data_size: 1536 } }] }, /0 bytes follow/],
  ["data twice", { inputs: [{ ...input, parameters: { binary_data_size: 0 } }] }, /both/],
  ["BYTES in JSON", { inputs: [{ name: "input", datatype: "BYTES", shape: [1], data: ["abc"] }] }, /BYTES/],
])("refuses %s", async (_, body, message) => {
  const response = await post(body);
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({ error: expect.stringMatching(message) });
});

test("a nest of a million lists is refused and harms nobody", async () => {
  const data = "[".repeat(1_000_000) + "]".repeat(1_000_000);
  const response = await post(
    JSON.stringify({ inputs: [{ ...input, data: 0 }] }).replace('"data":0', `"data":${data}`),
  );
  expect(response.status).toBe(400);
  expect((await post({ inputs: [input] })).status).toBe(200);
});

test.each([
  ["abc", /number of bytes/],
  ["-1", /number of bytes/],
  ["99999999", /longer than the body/],
  ["5", /no JSON/],
])("refuses the length %j of the JSON", async (length, message) => {
  const response = await post({ inputs: [input] }, { "Inference-Header-Content-Length": length });
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({ error: expect.stringMatching(message) });
});

test.each([
  ["lengths that break off", [Buffer.from([255, 255, 255, 255, 1])]],
  ["fewer images than its shape", [Buffer.from([1, 0, 0, 0, 7])]],
  ["more images than its shape", [Buffer.from([1, 0, 0, 0, 7, 1, 0, 0, 0, 7, 1, 0, 0, 0, 7])]],
])("refuses BYTES with %s", async (_, binary) => {
  const size = binary.reduce((sum, { length }) => sum + length, 0);
  const request = {
    inputs: [{ name: "input", datatype: "BYTES", shape: [2], parameters: { binary_data_size: size } }],
  };
  const response = await post(...withBinary(request, ...binary));
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({ error: expect.stringMatching(/BYTES/) });
});

test("a body that is too long is refused before it is there", async () => {
  const response = await post("x".repeat(25 * 2 ** 20)).catch((error: unknown) => error);
  // whoever goes on sending may find the connection closed before it reads the answer
  if (response instanceof Response) expect(response.status).toBe(413);
  else expect(response).toBeInstanceOf(TypeError);
  const long = await post(" ".repeat(5 * 2 ** 20));
  expect(long.status).toBe(413);
  expect(await long.json()).toEqual({ error: expect.stringMatching(/binary/) });
});

test("many at once all get their own answer", async () => {
  const asked = Array.from({ length: 24 }, (_, seed) => Array.from(inputFor(network, seed)));
  const one = async (data: readonly number[]): Promise<number[]> => {
    const response = await post({ inputs: [{ ...input, shape: [1, 3, 8, 8], data }] });
    const { outputs } = (await response.json()) as { outputs: Tensor[] };
    return outputs[0]!.data!;
  };
  const together = await Promise.all(asked.map(one));
  for (const [i, data] of asked.entries()) {
    const alone = await one(data);
    expect(Math.max(...alone.map((value, j) => Math.abs(value - together[i]![j]!)))).toBeLessThan(1e-4);
  }
});
