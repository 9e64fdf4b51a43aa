// One cut through the codec: bytes and speed of bit-shuffle + LZ4 and of rANS, beside Blosc on the same 8-bit data and the
// bound of order-0 entropy.

import {
  chooseQuantization,
  decodeQuantized,
  encodePacket,
  encodeTensor,
  type PackedTensor,
  type QuantizedValues,
  quantize,
} from "../codec/index.ts";
import { type ModelProto, sliceModel } from "../onnx/index.ts";
import { createSession } from "../runtime/index.ts";
import { type Cut, cutCandidates } from "../splitter/index.ts";
import { float32 } from "../tensor.ts";
import type { Blosc } from "./blosc.ts";
import { median } from "./report.ts";

/** Bytes are means over the images, all live tensors of the cut together; speeds in MB of 8-bit input a second. */
export interface CodecCase {
  readonly model: string;
  readonly cut: string;
  /** Of the tensor that the cut is named after. */
  readonly shape: readonly number[];
  readonly tensors: number;
  readonly float32Bytes: number;
  /** A whole packet of bit-shuffle + LZ4. */
  readonly sentBytes: number;
  readonly ratio: number;
  readonly encodeMBps: number;
  readonly decodeMBps: number;
  readonly rans: CodecFigures;
  /** Without numcodecs there is none. `speedup` is our encoding speed over Blosc's, median of the rounds' own. */
  readonly blosc?: CodecFigures & { readonly speedup: number };
  /** What an ideal coder of independent values would reach, without any table or header. */
  readonly entropyRatio: number;
}

export interface CodecFigures {
  readonly ratio: number;
  readonly encodeMBps: number;
  readonly decodeMBps: number;
}

/** Per image the cut's tensors, as a graph that ends in DynamicQuantizeLinear would hand them over. */
export type Activations = readonly (readonly QuantizedValues[])[];

export const ROUNDS = 31;
const WARM_UP = 10;

export async function activationsAt(
  network: ModelProto,
  cut: Cut,
  inputs: readonly Float32Array[],
): Promise<Activations> {
  const [input] = cutCandidates(network)[0]!.tensors;
  const dims = [1, ...input!.shape.slice(1)];
  const names = cut.tensors.map(({ name }) => name);
  if (cut.id === "input") return inputs.map((values) => [quantized(input!.name, dims, values)]);
  const session = await createSession(sliceModel(network, { from: [input!.name], to: names }));
  const all: QuantizedValues[][] = [];
  for (const values of inputs) {
    const out = await session.run({ [input!.name]: float32(values, dims) });
    all.push(names.map((name) => quantized(name, out[name]!.dims, out[name]!.data as Float32Array)));
  }
  await session.release();
  return all;
}

function quantized(name: string, shape: readonly number[], values: Float32Array): QuantizedValues {
  const quantization = chooseQuantization(values);
  return { name, shape, ...quantization, values: quantize(values, quantization) };
}

export async function measureCut(
  model: string,
  cut: Cut,
  images: Activations,
  blosc: Blosc | undefined,
): Promise<CodecCase> {
  const tensors = images.flat();
  const lz4 = new Stopwatch();
  const rans = new Stopwatch();
  const other = new Stopwatch();
  const packed: { lz4: PackedTensor[]; rans: PackedTensor[] } = { lz4: [], rans: [] };
  let bloscBytes = 0;
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const [codec, watch] of [
      ["lz4", lz4],
      ["rans", rans],
    ] as const) {
      packed[codec] = watch.encoding(round, () => tensors.map((tensor) => encodeTensor(tensor, { codec })));
      watch.decoding(round, () => packed[codec].map((tensor) => decodeQuantized(tensor)));
    }
    if (!blosc) continue;
    const started = performance.now();
    const blocks: Uint8Array[] = [];
    for (const tensor of tensors) blocks.push(await blosc.encode(tensor.values));
    const encoded = performance.now();
    for (const block of blocks) await blosc.decode(block);
    other.note(round, encoded - started, performance.now() - encoded);
    bloscBytes = blocks.reduce((sum, { length }) => sum + length, 0);
  }
  check(tensors, [...packed.lz4, ...packed.rans]);

  const values = tensors.reduce((sum, tensor) => sum + tensor.values.length, 0);
  const figures = (bytes: number, watch: Stopwatch): CodecFigures => ({
    ratio: (4 * values) / bytes,
    encodeMBps: values / 1000 / median(watch.encodeMs),
    decodeMBps: values / 1000 / median(watch.decodeMs),
  });
  const sent = packetBytes(packed.lz4, cut);
  return {
    model,
    cut: cut.id,
    shape: tensors[0]!.shape,
    tensors: cut.tensors.length,
    float32Bytes: (4 * values) / images.length,
    sentBytes: sent / images.length,
    ...figures(sent, lz4),
    rans: figures(packetBytes(packed.rans, cut), rans),
    ...(blosc && {
      // Round by round: what slows the machine for a while slows both.
      blosc: { ...figures(bloscBytes, other), speedup: median(other.encodeMs.map((ms, i) => ms / lz4.encodeMs[i]!)) },
    }),
    entropyRatio: (4 * values) / tensors.reduce((sum, tensor) => sum + entropyBytes(tensor.values), 0),
  };
}

/** The times of each round from 0 on. */
class Stopwatch {
  readonly encodeMs: number[] = [];
  readonly decodeMs: number[] = [];

  encoding<T>(round: number, work: () => T): T {
    return this.#timed(round, this.encodeMs, work);
  }

  decoding<T>(round: number, work: () => T): T {
    return this.#timed(round, this.decodeMs, work);
  }

  note(round: number, encodeMs: number, decodeMs: number): void {
    if (round < 0) return;
    this.encodeMs.push(encodeMs);
    this.decodeMs.push(decodeMs);
  }

  #timed<T>(round: number, into: number[], work: () => T): T {
    const started = performance.now();
    const result = work();
    if (round >= 0) into.push(performance.now() - started);
    return result;
  }
}

/** All tensors of all images, in one packet an image. */
function packetBytes(tensors: readonly PackedTensor[], cut: Cut): number {
  const width = cut.tensors.length;
  let bytes = 0;
  for (let i = 0; i < tensors.length; i += width)
    bytes += encodePacket({ modelHash: new Uint8Array(16), cut: cut.id, tensors: tensors.slice(i, i + width) }).length;
  return bytes;
}

function check(tensors: readonly QuantizedValues[], packed: readonly PackedTensor[]): void {
  for (const [i, tensor] of packed.entries()) {
    const expected = tensors[i % tensors.length]!.values;
    const { values } = decodeQuantized(tensor);
    if (values.some((value, j) => value !== expected[j])) throw new Error(`${tensor.codec} lost something`);
  }
}

function entropyBytes(values: Uint8Array): number {
  const counts = new Uint32Array(256);
  for (const value of values) counts[value]!++;
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= count * Math.log2(count / values.length);
  return bits / 8;
}
