// The networks whose activations the codec is measured on, and images for them.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { dataRoot, decodeImageFile, openDataset } from "../data/index.ts";
import { type Pixels, type Preprocessing, preprocess, preprocessings } from "../image/index.ts";
import { type ModelProto, readModelFile } from "../onnx/index.ts";
import type { Cut } from "../splitter/index.ts";

export interface CodecNetwork {
  /** File name in the data folder's `models`, without `.onnx`. */
  readonly model: string;
  readonly preprocessing: Preprocessing;
  /** How many of its cuts. */
  readonly cuts: number;
  readonly images: number;
}

export const CIFAR_NETWORK: CodecNetwork = {
  model: "cifar10-resnet56",
  preprocessing: preprocessings.cifar,
  cuts: 9,
  images: 20,
};

export const NETWORKS: readonly CodecNetwork[] = [
  CIFAR_NETWORK,
  { model: "imagenet-mobilenetv2", preprocessing: preprocessings.mobilenetv2, cuts: 8, images: 6 },
  { model: "imagenet-squeezenet1_1", preprocessing: preprocessings.imagenet, cuts: 8, images: 6 },
];

/** @throws {SpinnError} FileAccess when the data folder does not hold it */
export async function readNetwork({ model }: CodecNetwork): Promise<ModelProto> {
  return await readModelFile(join(dataRoot(), "models", `${model}.onnx`));
}

/** Real images, each [1, C, H, W]. */
export async function networkInputs({ model, preprocessing, images }: CodecNetwork): Promise<Float32Array[]> {
  const pixels = model === CIFAR_NETWORK.model ? await cifarImages(images) : await photographs(images);
  return pixels.map((one) => preprocess(one, preprocessing));
}

/** `count` cuts evenly over all that send something, or all of them. */
export function sampleCuts(cuts: readonly Cut[], count: number): Cut[] {
  const sending = cuts.filter(({ id }) => id !== "none");
  if (count >= sending.length) return sending;
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
