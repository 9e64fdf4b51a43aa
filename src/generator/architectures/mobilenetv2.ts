// MobileNetV2 (Sandler et al. 2018) in its usual CIFAR form: the strides of the stem and of the second stage are 1, so
// that 32x32 images end as 4x4 maps. ReLU6 is Clip.

import type { Layers } from "../layers.ts";
import { type Builder, makeBuilder } from "./architecture.ts";

/** Expansion, channels at width 32, blocks, stride of the first block. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 1],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

export const mobilenetv2: Builder = makeBuilder("mobilenetv2", (layers, image, width = 32) => {
  // multiples of 8, as the authors' code rounds
  const scaled = (channels: number): number => Math.max(8, 8 * Math.round((channels * width) / 32 / 8));
  let x = convBnRelu6(layers, image, "stem", scaled(32), {});
  stages.forEach(([expansion, channels, blocks, firstStride], stage) => {
    for (let block = 0; block < blocks; block++) {
      const stride = block === 0 ? firstStride : 1;
      x = invertedResidual(layers, x, `stage${stage + 1}.${block}`, expansion, scaled(channels), stride);
    }
  });
  return layers.globalAverage(convBnRelu6(layers, x, "last", scaled(1280), { kernel: 1 }), "pool");
});

function invertedResidual(
  layers: Layers,
  x: string,
  name: string,
  expansion: number,
  channels: number,
  stride: number,
): string {
  const before = layers.channels(x);
  const inner = before * expansion;
  let y = expansion === 1 ? x : convBnRelu6(layers, x, `${name}.expand`, inner, { kernel: 1 });
  y = convBnRelu6(layers, y, `${name}.depthwise`, inner, { stride, groups: inner });
  y = layers.batchNorm(layers.conv(y, `${name}.project.conv`, channels, { kernel: 1 }), `${name}.project.bn`);
  return stride === 1 && before === channels ? layers.graph.op("Add", [y, x], {}, `${name}.add`) : y;
}

function convBnRelu6(
  layers: Layers,
  x: string,
  name: string,
  channels: number,
  options: Parameters<Layers["conv"]>[3],
): string {
  const y = layers.batchNorm(layers.conv(x, `${name}.conv`, channels, options), `${name}.bn`);
  return layers.relu6(y, `${name}.relu6`);
}
