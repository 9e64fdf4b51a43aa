// CIFAR ResNets (He et al. 2015, section 4.2): three stages of n basic blocks, 6n + 2 layers deep.
// Shortcuts that change shape are option A, without parameters: every second pixel, and zeros for the new channels.

import type { Layers } from "../layers.ts";
import { type Builder, makeBuilder } from "./architecture.ts";

/** @param depth 6n + 2: 20, 32, 44, 56, 110. @throws {RangeError} for another depth */
export function resnet(depth: number): Builder {
  const blocks = (depth - 2) / 6;
  if (!(Number.isInteger(blocks) && blocks >= 1)) throw new RangeError(`A CIFAR ResNet is 6n + 2 deep, not ${depth}`);
  return makeBuilder(`resnet${depth}`, (layers, image, width = 16) => {
    let x = layers.relu(layers.batchNorm(layers.conv(image, "conv1", width), "bn1"), "relu1");
    for (let stage = 0; stage < 3; stage++) {
      for (let block = 0; block < blocks; block++) {
        const stride = stage > 0 && block === 0 ? 2 : 1;
        x = basicBlock(layers, x, `layer${stage + 1}.${block}`, width * 2 ** stage, stride);
      }
    }
    return layers.globalAverage(x, "pool");
  });
}

function basicBlock(layers: Layers, x: string, name: string, channels: number, stride: number): string {
  let y = layers.conv(x, `${name}.conv1`, channels, { stride });
  y = layers.relu(layers.batchNorm(y, `${name}.bn1`), `${name}.relu1`);
  y = layers.batchNorm(layers.conv(y, `${name}.conv2`, channels), `${name}.bn2`);
  const skip = stride === 1 ? x : shortcut(layers, x, `${name}.shortcut`, channels, stride);
  return layers.relu(layers.graph.op("Add", [y, skip], {}, `${name}.add`), `${name}.relu2`);
}

function shortcut({ graph }: Layers, x: string, name: string, channels: number, stride: number): string {
  const [, before, height, width] = graph.dims(x) as [number, number, number, number];
  const ints = (...values: number[]): string => graph.ints(values);
  const bounds = [ints(0, 0), ints(height, width), ints(2, 3), ints(stride, stride)];
  const strided = graph.op("Slice", [x, ...bounds], {}, `${name}.slice`);
  const front = Math.floor((channels - before) / 2);
  const pads = ints(0, front, 0, 0, 0, channels - before - front, 0, 0);
  return graph.op("Pad", [strided, pads], {}, `${name}.pad`);
}
