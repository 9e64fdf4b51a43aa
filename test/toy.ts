// A toy problem that is learnt in seconds: images of noise in which one colour dominates, and a network small enough.

import type { Dataset } from "../src/data/dataset.ts";
import { packedDataset } from "../src/data/packed-dataset.ts";
import { addExits } from "../src/generator/add-exits.ts";
import { Layers } from "../src/generator/layers.ts";
import { type Preprocessing, preprocessings } from "../src/image/preprocessing.ts";
import { GraphBuilder } from "../src/onnx/builder.ts";
import { DataType, type ModelProto } from "../src/onnx/proto.ts";
import { withMetadata } from "../src/progressive/metadata.ts";
import { createRng, mixSeed } from "../src/random.ts";

export const colours: readonly string[] = ["blue", "green", "red"];

/** RGB bytes of noise in which the colour of class `label` dominates. */
export function colourImage(label: number, side: number, seed: number): Uint8Array {
  const rng = createRng(mixSeed(seed, label));
  const strong = 2 - label; // red is the first channel and the last name
  return Uint8Array.from({ length: side * side * 3 }, (_, i) => 160 * rng() + (i % 3 === strong ? 70 : 0));
}

/** `count` images, the three colours in turn; `seed` makes them other ones. */
export function colourDataset(count: number, side = 8, seed = 1): Dataset {
  const bytes = new Uint8Array(new SharedArrayBuffer(count * side * side * 3));
  for (let i = 0; i < count; i++) bytes.set(colourImage(i % 3, side, mixSeed(seed, i)), i * side * side * 3);
  return packedDataset({
    name: "colours/train",
    classes: colours,
    width: side,
    height: side,
    channels: 3,
    bytes,
    labels: Uint16Array.from({ length: count }, (_, i) => i % 3),
  });
}

/** The data set read in the caller's own thread: one thread less to start. */
export function unshared(dataset: Dataset): Dataset {
  const { share: _, ...rest } = dataset;
  return rest;
}

export function toyPreprocessing(side = 8): Preprocessing {
  return { ...preprocessings.cifar, width: side, height: side };
}

export interface ToyOptions {
  seed?: number;
  /** Channels of the first half; twice as many in the second. @default 4 */
  width?: number;
  /** @default 8 */
  side?: number;
  /** @default true */
  batchNorm?: boolean;
}

/** Four convolutions, the third with stride 2, mean, linear: `input` ["N", 3, side, side] to `logits` ["N", 3]. */
export function toyNetwork({ seed = 1, width = 4, side = 8, batchNorm = true }: ToyOptions = {}): ModelProto {
  const graph = new GraphBuilder(17);
  const layers = new Layers(graph, createRng(seed));
  let x = graph.input("input", [1, 3, side, side], DataType.FLOAT, ["N", 3, side, side]);
  for (const [i, stride] of [1, 1, 2, 1].entries()) {
    x = layers.conv(x, `conv${i + 1}`, i < 2 ? width : 2 * width, { stride });
    if (batchNorm) x = layers.batchNorm(x, `bn${i + 1}`);
    x = layers.relu(x, `relu${i + 1}`);
  }
  graph.output(layers.linear(layers.globalAverage(x, "pool"), "linear", 3, "logits"), ["N", 3]);
  return graph.build("toy");
}

/** The toy network with two linear exits and its metadata. */
export function toyProgressive(options: ToyOptions = {}): ModelProto {
  const { seed = 1, side = 8 } = options;
  const placed = addExits(toyNetwork(options), { seed, fractions: [0.1, 0.6], head: { kind: "linear" } });
  return withMetadata(placed, { preprocessing: toyPreprocessing(side), labels: colours });
}
