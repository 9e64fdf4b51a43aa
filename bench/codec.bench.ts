// What does the codec save, and at what speed? Activations of real networks over real images, per cut: bit-shuffle + LZ4 and
// rANS beside Blosc (LZ4, bit-shuffle; numcodecs' WebAssembly build) on the same 8-bit data, and the order-0 entropy bound.
// With `--accuracy` also: how many of 2 000 test images does 8-bit quantisation at a cut of ResNet-56 cost?

import { readdirSync } from "node:fs";
import { join } from "node:path";
import Blosc from "numcodecs/blosc";
import {
  decodeQuantized,
  decodeTensor,
  encodePacket,
  encodeTensor,
  type PackedTensor,
  type QuantizedValues,
} from "../src/codec/index.ts";
import { chooseQuantization, quantize } from "../src/codec/quantize.ts";
import { dataRoot, decodeImageFile, openDataset } from "../src/data/index.ts";
import { type Pixels, preprocess, preprocessings } from "../src/image/index.ts";
import { type ModelProto, readModelFile, sliceModel } from "../src/onnx/index.ts";
import { createSession, type Tensors } from "../src/runtime/index.ts";
import { type Cut, cutCandidates } from "../src/splitter/index.ts";
import { float32 } from "../src/tensor.ts";
import { type BenchOptions, median, spread, writeReport } from "./report.ts";

/** Bytes are means over the images, all live tensors of the cut together; speeds in MB of 8-bit input a second. */
interface CodecCase {
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
  /** `speedup` is our encoding speed over Blosc's, median of the rounds' own. */
  readonly speedup: number;
  readonly rans: Figures;
  readonly blosc: Figures;
  /** What an ideal coder of independent values would reach, without any table or header. */
  readonly entropyRatio: number;
}

interface Figures {
  readonly ratio: number;
  readonly encodeMBps: number;
  readonly decodeMBps: number;
}

const MODELS = [
  { model: "cifar10-resnet56", preprocessing: preprocessings.cifar, cuts: 9, images: 20 },
  { model: "imagenet-mobilenetv2", preprocessing: preprocessings.mobilenetv2, cuts: 8, images: 6 },
  { model: "imagenet-squeezenet1_1", preprocessing: preprocessings.imagenet, cuts: 8, images: 6 },
] as const;
const ROUNDS = 31;
const WARM_UP = 10;
const ACCURACY_IMAGES = 2000;

export async function run(options: BenchOptions): Promise<void> {
  const cases: CodecCase[] = [];
  const speedups: number[] = [];
  for (const { model, preprocessing, cuts, images } of MODELS) {
    const network = await readModelFile(join(dataRoot(), "models", `${model}.onnx`));
    const pixels = model.startsWith("cifar10") ? await cifarImages(images) : await photographs(images);
    const inputs = pixels.map((one) => preprocess(one, preprocessing));
    for (const cut of sample(cutCandidates(network), cuts)) {
      const measured = await measure(model, cut, await activations(network, cut, inputs));
      cases.push(measured);
      speedups.push(measured.speedup);
      if (!options.json) process.stderr.write(`${line(measured)}\n`);
    }
  }
  const accuracy = options.args.includes("--accuracy") ? await accuracyThroughCodec(options) : [];
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ cases, accuracy })}\n`);
    return;
  }
  const result = {
    worstRatioOverBlosc: Math.min(...cases.map((c) => c.ratio / c.blosc.ratio)),
    worstSpeedupOverBlosc: Math.min(...speedups),
    medianSpeedupOverBlosc: median(speedups),
    medianRansOverLz4: median(cases.map((c) => c.rans.ratio / c.ratio)),
    worstRansOverEntropy: Math.min(...cases.map((c) => c.rans.ratio / c.entropyRatio)),
    medianRansOverEntropy: median(cases.map((c) => c.rans.ratio / c.entropyRatio)),
  };
  const settings = { rounds: ROUNDS, images: MODELS.map(({ images }) => images), speedupSpread: spread(speedups) };
  await writeReport("codec", options, { result, details: { ...settings, cases, accuracy } });
}

/** Per image the cut's tensors, as a graph that ends in DynamicQuantizeLinear would hand them over. */
type Activations = readonly (readonly QuantizedValues[])[];

async function activations(network: ModelProto, cut: Cut, inputs: readonly Float32Array[]): Promise<Activations> {
  const [input] = cutCandidates(network)[0]!.tensors;
  const names = cut.tensors.map(({ name }) => name);
  const feed = (values: Float32Array): Record<string, ReturnType<typeof float32>> => ({
    [input!.name]: float32(values, [1, ...input!.shape.slice(1)]),
  });
  const quantized = (name: string, dims: readonly number[], values: Float32Array): QuantizedValues => {
    const quantization = chooseQuantization(values);
    return { name, shape: dims, ...quantization, values: quantize(values, quantization) };
  };
  if (cut.id === "input")
    return inputs.map((values) => [quantized(input!.name, feed(values)[input!.name]!.dims, values)]);
  const session = await createSession(sliceModel(network, { from: [input!.name], to: names }));
  const all: QuantizedValues[][] = [];
  for (const values of inputs) {
    const out = await session.run(feed(values));
    all.push(names.map((name) => quantized(name, out[name]!.dims, out[name]!.data as Float32Array)));
  }
  await session.release();
  return all;
}

async function measure(model: string, cut: Cut, images: Activations): Promise<CodecCase> {
  const blosc = Blosc.fromConfig({ id: "blosc", cname: "lz4", clevel: 5, shuffle: 2 });
  const tensors = images.flat();
  const values = tensors.reduce((sum, tensor) => sum + tensor.values.length, 0);
  const times = { lz4: [[], []], rans: [[], []], blosc: [[], []] } as Record<
    "lz4" | "rans" | "blosc",
    [number[], number[]]
  >;
  const packed: { lz4: PackedTensor[]; rans: PackedTensor[]; blosc: Uint8Array[] } = { lz4: [], rans: [], blosc: [] };
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const note = (coder: keyof typeof times, step: 0 | 1, ms: number): void => {
      if (round >= 0) times[coder][step].push(ms);
    };
    for (const codec of ["lz4", "rans"] as const) {
      let started = performance.now();
      packed[codec] = tensors.map((tensor) => encodeTensor(tensor, { codec }));
      note(codec, 0, performance.now() - started);
      started = performance.now();
      for (const tensor of packed[codec]) decodeQuantized(tensor);
      note(codec, 1, performance.now() - started);
    }
    let started = performance.now();
    packed.blosc = [];
    for (const tensor of tensors) packed.blosc.push(await blosc.encode(tensor.values));
    note("blosc", 0, performance.now() - started);
    started = performance.now();
    for (const bytes of packed.blosc) await blosc.decode(bytes);
    note("blosc", 1, performance.now() - started);
  }
  check(tensors, [...packed.lz4, ...packed.rans]);

  const packetBytes = (all: readonly PackedTensor[]): number => {
    const width = cut.tensors.length;
    const each = images.map((_, i) => all.slice(i * width, (i + 1) * width));
    return each.reduce(
      (sum, one) => sum + encodePacket({ modelHash: new Uint8Array(16), cut: cut.id, tensors: one }).length,
      0,
    );
  };
  const sent = {
    lz4: packetBytes(packed.lz4),
    rans: packetBytes(packed.rans),
    blosc: packed.blosc.reduce((sum, bytes) => sum + bytes.length, 0),
  };
  const figures = (coder: keyof typeof times): Figures => ({
    ratio: (4 * values) / sent[coder],
    encodeMBps: values / 1000 / median(times[coder][0]),
    decodeMBps: values / 1000 / median(times[coder][1]),
  });
  return {
    model,
    cut: cut.id,
    shape: tensors[0]!.shape,
    tensors: cut.tensors.length,
    float32Bytes: (4 * values) / images.length,
    sentBytes: sent.lz4 / images.length,
    ...figures("lz4"),
    // Round by round: what slows the machine for a while slows both.
    speedup: median(times.blosc[0].map((ms, i) => ms / times.lz4[0][i]!)),
    rans: figures("rans"),
    blosc: figures("blosc"),
    entropyRatio: (4 * values) / tensors.reduce((sum, tensor) => sum + entropyBytes(tensor.values), 0),
  };
}

interface AccuracyCase {
  readonly model: string;
  readonly cut: string;
  /** Points of top-1 accuracy lost against the unsplit network; negative where it gained. */
  readonly top1Drop: number;
}

async function accuracyThroughCodec({ json }: BenchOptions): Promise<AccuracyCase[]> {
  const [{ model, preprocessing, cuts }] = MODELS;
  const network = await readModelFile(join(dataRoot(), "models", `${model}.onnx`));
  const dataset = await openDataset("cifar10", { split: "test" });
  const candidates = cutCandidates(network);
  const input = candidates[0]!.tensors[0]!.name;
  const output = network.graph!.output[0]!.name;
  const images: Float32Array[] = [];
  for (let i = 0; i < ACCURACY_IMAGES; i++) images.push(preprocess(await dataset.pixels(i), preprocessing));
  const right = async (answer: (image: Tensors) => Promise<Tensors>): Promise<number> => {
    let count = 0;
    for (const [i, image] of images.entries()) {
      const { data } = (await answer({ [input]: float32(image, [1, 3, 32, 32]) }))[output]!;
      const logits = Array.from(data, Number);
      if (logits.indexOf(Math.max(...logits)) === dataset.labels[i]) count++;
    }
    return count;
  };
  const whole = await createSession(sliceModel(network, { from: [input], to: [output] }));
  const unsplit = await right((image) => whole.run(image));
  const cases: AccuracyCase[] = [];
  for (const cut of sample(candidates, cuts).filter(({ id }) => id !== "input")) {
    const names = cut.tensors.map(({ name }) => name);
    const head = await createSession(sliceModel(network, { from: [input], to: names }));
    const tail = await createSession(sliceModel(network, { from: names, to: [output] }));
    const count = await right(async (image) => {
      const live = await head.run(image);
      const received = names.map((name) => {
        const { dims, data } = live[name]!;
        const packed = encodeTensor({ name, shape: dims, values: data as Float32Array }, { codec: "packed" });
        return [name, float32(decodeTensor(packed), dims)] as const;
      });
      return await tail.run(Object.fromEntries(received));
    });
    await Promise.all([head.release(), tail.release()]);
    cases.push({ model, cut: cut.id, top1Drop: (100 * (unsplit - count)) / images.length });
    if (!json) process.stderr.write(`${model} ${cut.id}: ${cases.at(-1)!.top1Drop.toFixed(2)} points lost\n`);
  }
  await whole.release();
  return cases;
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

/** Evenly over all that send something. */
function sample(cuts: readonly Cut[], count: number): Cut[] {
  const sending = cuts.filter(({ id }) => id !== "none");
  return Array.from({ length: count }, (_, i) => sending[Math.round((i * (sending.length - 1)) / (count - 1))]!);
}

async function cifarImages(count: number): Promise<Pixels[]> {
  const dataset = await openDataset("cifar10", { split: "test" });
  return await Promise.all(Array.from({ length: count }, (_, i) => dataset.pixels(i * 97)));
}

async function photographs(count: number): Promise<Pixels[]> {
  const root = join(dataRoot(), "imagenette", "val");
  const folders = readdirSync(root).sort();
  return await Promise.all(
    Array.from({ length: count }, (_, i) => {
      const folder = join(root, folders[i % folders.length]!);
      return decodeImageFile(join(folder, readdirSync(folder).sort()[i]!));
    }),
  );
}

function line({ model, cut, ratio, encodeMBps, decodeMBps, speedup, rans, blosc, entropyRatio }: CodecCase): string {
  const part = (f: Figures): string =>
    `${f.ratio.toFixed(2)} ${f.encodeMBps.toFixed(0)}/${f.decodeMBps.toFixed(0)} MB/s`;
  const lz4 = `${part({ ratio, encodeMBps, decodeMBps })} (${speedup.toFixed(2)}x)`;
  const parts = [`blosc ${part(blosc)}`, `lz4 ${lz4}`, `rans ${part(rans)}`, `entropy ${entropyRatio.toFixed(2)}`];
  return `${model} ${cut}: ${parts.join(" | ")}`;
}
