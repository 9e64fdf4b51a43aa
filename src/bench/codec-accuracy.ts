// What 8-bit quantization costs a network: the answers of its second part, given what came through the codec, beside those
// of the whole on the same images.

import { decodeTensor, encodeTensor } from "../codec/index.ts";
import { createBatchLoader, type Dataset, openDataset, subset } from "../data/index.ts";
import { sliceModel } from "../onnx/index.ts";
import { createSession, type Tensors } from "../runtime/index.ts";
import { cutCandidates } from "../splitter/index.ts";
import { float32 } from "../tensor.ts";
import { CIFAR_NETWORK, readNetwork, sampleCuts } from "./codec-networks.ts";

export interface AccuracyCase {
  readonly model: string;
  readonly cut: string;
  /** Points of top-1 accuracy lost against the unsplit network; negative where it gained. */
  readonly top1Drop: number;
}

export interface AccuracyOptions {
  /** How many cuts, evenly over the network. */
  readonly cuts: number;
  /** The first so many test images. */
  readonly images: number;
  onCase?: (one: AccuracyCase) => void;
}

/** Images go through the networks together, but through the codec one by one, as a device sends them. */
const BATCH = 50;

/** ResNet-56 on CIFAR-10 test images; the whole network runs once, the rest of it once for each cut. */
export async function accuracyThroughCodec({ cuts, images, onCase }: AccuracyOptions): Promise<AccuracyCase[]> {
  const { model, preprocessing } = CIFAR_NETWORK;
  const network = await readNetwork(CIFAR_NETWORK);
  const test = await openDataset("cifar10", { split: "test" });
  const dataset = subset(
    test,
    Uint32Array.from({ length: Math.min(images, test.length) }, (_, i) => i),
  );
  const candidates = cutCandidates(network);
  const input = candidates[0]!.tensors[0]!.name;
  const output = network.graph!.output[0]!.name;
  const loader = createBatchLoader(dataset, { batchSize: BATCH, preprocessing });

  const whole = await createSession(sliceModel(network, { from: [input], to: [output] }));
  const batches: Tensors[] = [];
  let unsplit = 0;
  for (let step = 0; step < loader.stepsPerEpoch; step++) {
    const batch = await loader.batch(0, step);
    batches.push({ [input]: float32(batch.images, batch.dims) });
    unsplit += countRight((await whole.run(batches[step]!))[output]!.data as Float32Array, dataset, step);
  }
  await whole.release();

  const found: AccuracyCase[] = [];
  for (const cut of sampleCuts(candidates, cuts).filter(({ id }) => id !== "input")) {
    const names = cut.tensors.map(({ name }) => name);
    const head = await createSession(sliceModel(network, { from: [input], to: names }));
    const tail = await createSession(sliceModel(network, { from: names, to: [output] }));
    let right = 0;
    for (const [step, batch] of batches.entries()) {
      const answers = await tail.run(throughCodec(await head.run(batch)));
      right += countRight(answers[output]!.data as Float32Array, dataset, step);
    }
    await Promise.all([head.release(), tail.release()]);
    const one = { model, cut: cut.id, top1Drop: (100 * (unsplit - right)) / dataset.length };
    found.push(one);
    onCase?.(one);
  }
  return found;
}

function throughCodec(live: Tensors): Tensors {
  const received = Object.entries(live).map(([name, { dims, data }]) => {
    const [images, ...shape] = dims;
    const values = new Float32Array(data.length);
    const size = data.length / images!;
    for (let i = 0; i < images!; i++) {
      const sent = { name, shape: [1, ...shape], values: (data as Float32Array).subarray(i * size, (i + 1) * size) };
      values.set(decodeTensor(encodeTensor(sent, { codec: "packed" })), i * size);
    }
    return [name, float32(values, dims)] as const;
  });
  return Object.fromEntries(received);
}

function countRight(logits: Float32Array, dataset: Dataset, step: number): number {
  const classes = dataset.classes.length;
  let count = 0;
  for (let i = 0; i < logits.length / classes; i++) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    if (row.indexOf(Math.max(...row)) === dataset.labels[step * BATCH + i]) count++;
  }
  return count;
}
