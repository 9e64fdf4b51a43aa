// The body of an inference request in the Open Inference Protocol (KServe V2), with its binary tensor extension: JSON first,
// then the bytes of the tensors that are not in it. Whatever a stranger sends, it is read or refused in one line.

import { z } from "zod";
import type { NetworkInfo, Start } from "../../engine/index.ts";
import { sizeOf } from "../../tensor.ts";
import { HttpError } from "./http-error.ts";

/** Images in one request. */
export const MAX_ROWS = 32;
/** Parsing takes the sockets' own thread: room for an image of 224 x 224 in full digits. */
const MAX_JSON_BYTES = 4 * 2 ** 20;
const MAX_BINARY_BYTES = 16 * 2 ** 20;
/** Room for a photo that a camera or a page has shrunk. */
const MAX_IMAGE_BYTES = 2 ** 20;

/** What to send back, by name. */
export interface WantedOutput {
  readonly name: string;
  /** Behind the JSON, not in it? */
  readonly binary: boolean;
}

export interface InferRequest {
  readonly id?: string;
  /** One for each image, in order. */
  readonly starts: readonly Start[];
  /** Undefined: all there are. */
  readonly outputs?: readonly WantedOutput[];
  /** Are outputs binary that nobody named? */
  readonly binaryOutputs: boolean;
  /** An early exit this confident may answer. Undefined: the final one does. */
  readonly threshold?: number;
}

const tensorParameters = z.object({ binary_data_size: z.int().nonnegative().optional() });
const schema = z.object({
  id: z.string().max(256).optional(),
  parameters: z
    .object({ threshold: z.number().min(0).max(1).optional(), binary_data_output: z.boolean().optional() })
    .optional(),
  inputs: z
    .array(
      z.object({
        name: z.string(),
        datatype: z.string(),
        shape: z.array(z.int().nonnegative()).max(8),
        parameters: tensorParameters.optional(),
        data: z.unknown().optional(),
      }),
    )
    .length(1),
  outputs: z
    .array(z.object({ name: z.string(), parameters: z.object({ binary_data: z.boolean().optional() }).optional() }))
    .max(16)
    .optional(),
});
type Input = z.infer<typeof schema>["inputs"][number];

/** Of a body that can be right: JSON, and as many images as are taken, or 16 MiB of them. */
export function maxBodyBytes({ input }: NetworkInfo): number {
  return MAX_JSON_BYTES + Math.min(MAX_BINARY_BYTES, MAX_ROWS * Math.max(4 * sizeOf(input.shape), MAX_IMAGE_BYTES));
}

/**
 * @param jsonBytes length of the JSON, as the header `Inference-Header-Content-Length` says; undefined: the body is nothing else
 * @throws {HttpError} 400 for whatever does not fit the protocol or the network
 */
export function readInferRequest(body: Uint8Array, jsonBytes: number | undefined, network: NetworkInfo): InferRequest {
  const length = jsonBytes ?? body.length;
  if (!(length <= body.length)) throw bad("Inference-Header-Content-Length is longer than the body");
  if (length > MAX_JSON_BYTES)
    throw new HttpError(413, `The JSON is longer than ${MAX_JSON_BYTES} bytes. Send tensors as binary data`);
  const { id, parameters, inputs, outputs } = parse(body.subarray(0, length));
  const starts = startsOf(inputs[0]!, body.subarray(length), network);
  const binaryOutputs = parameters?.binary_data_output ?? false;
  return {
    starts,
    binaryOutputs,
    ...(id !== undefined && { id }),
    ...(parameters?.threshold !== undefined && { threshold: parameters.threshold }),
    ...(outputs && {
      outputs: outputs.map(({ name, parameters }) => ({ name, binary: parameters?.binary_data ?? binaryOutputs })),
    }),
  };
}

function parse(bytes: Uint8Array): z.infer<typeof schema> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw bad("The body is no JSON");
  }
  const { data, error } = schema.safeParse(json);
  if (data) return data;
  const { path, message } = error.issues[0]!;
  throw bad(`${path.length > 0 ? `${path.join(".")}: ` : ""}${message}`);
}

function startsOf(
  { name, datatype, shape, parameters, data }: Input,
  binary: Uint8Array,
  network: NetworkInfo,
): Start[] {
  const { input } = network;
  if (name !== input.name) throw bad(`There is no input ${short(name)}; this network's is ${short(input.name)}`);
  const size = parameters?.binary_data_size;
  if (size !== undefined && data !== undefined) throw bad("inputs.0 has both data and binary_data_size");
  if (binary.length !== (size ?? 0)) throw bad(`${binary.length} bytes follow the JSON, which speaks of ${size ?? 0}`);
  const [rows = 0, ...row] = shape;
  if (rows < 1 || rows > MAX_ROWS) throw bad(`inputs.0.shape must begin with 1 to ${MAX_ROWS} images, not ${rows}`);
  if (datatype === "BYTES") {
    if (size === undefined || row.length > 0)
      throw bad("Encoded images come as BYTES of shape [N], as binary data behind the JSON");
    return imagesOf(binary, rows).map((bytes) => ({ kind: "image", bytes }));
  }
  if (datatype !== "FP32")
    throw bad(`inputs.0.datatype must be FP32, or BYTES for encoded images, not ${short(datatype)}`);
  const wanted = input.shape.slice(1);
  if (row.join() !== wanted.join()) throw bad(`inputs.0.shape must be [N, ${wanted.join(", ")}]`);
  const values = size === undefined ? numbersOf(data, sizeOf(shape), shape.length) : float32Of(binary, sizeOf(shape));
  const each = sizeOf(wanted);
  return Array.from({ length: rows }, (_, i) => ({ kind: "input", values: values.slice(i * each, (i + 1) * each) }));
}

/** Row by row, nested or not. */
function numbersOf(data: unknown, count: number, depth: number): Float32Array {
  const values = new Float32Array(count);
  let filled = 0;
  const take = (part: unknown, left: number): void => {
    if (typeof part === "number") {
      if (filled < count) values[filled] = finite(part);
      filled++;
    } else if (Array.isArray(part) && left > 0) for (const inner of part) take(inner, left - 1);
    else throw bad("inputs.0.data must be numbers, in one list or nested as the shape says");
  };
  if (!Array.isArray(data)) throw bad("inputs.0.data must be a list, or the tensor binary data");
  take(data, depth);
  if (filled !== count) throw bad(`inputs.0.data has ${filled} numbers; the shape has ${count}`);
  return values;
}

function float32Of(bytes: Uint8Array, count: number): Float32Array {
  if (bytes.length !== 4 * count) throw bad(`${bytes.length} bytes are not ${count} numbers of FP32`);
  // little-endian as all machines that we run on; copied since it may begin anywhere
  const values = new Float32Array(bytes.slice().buffer);
  values.forEach(finite);
  return values;
}

/** As FP32; a network gives no answer to what is none. */
function finite(value: number): number {
  if (Number.isFinite(Math.fround(value))) return value;
  throw bad("inputs.0 holds a number that FP32 does not have");
}

/** Each behind its length, four bytes little-endian. */
function imagesOf(bytes: Uint8Array, count: number): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const images: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length && images.length < count) {
    const end = at + 4 <= bytes.length ? at + 4 + view.getUint32(at, true) : Number.POSITIVE_INFINITY;
    if (end > bytes.length) throw bad("The BYTES of inputs.0 break off");
    images.push(bytes.slice(at + 4, end));
    at = end;
  }
  if (images.length !== count || at !== bytes.length) throw bad(`The BYTES of inputs.0 are not ${count} images`);
  return images;
}

function bad(message: string): HttpError {
  return new HttpError(400, message);
}

function short(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}
