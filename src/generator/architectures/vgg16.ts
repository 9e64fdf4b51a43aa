// VGG16 with batch normalisation in its CIFAR form (Simonyan & Zisserman 2014, configuration D): thirteen 3x3
// convolutions in five stages, each halved by max pooling, and one linear layer instead of ImageNet's three.

import { type Builder, makeBuilder } from "./architecture.ts";

/** Convolutions per stage, and their channels in units of the first stage's 64. */
const stages = [
  [2, 1],
  [2, 2],
  [3, 4],
  [3, 8],
  [3, 8],
] as const;

export const vgg16: Builder = makeBuilder("vgg16", (layers, image, width = 64) => {
  let x = image;
  stages.forEach(([count, factor], stage) => {
    for (let i = 0; i < count; i++) {
      const name = `stage${stage + 1}.${i}`;
      x = layers.conv(x, `${name}.conv`, width * factor);
      x = layers.relu(layers.batchNorm(x, `${name}.bn`), `${name}.relu`);
    }
    x = layers.maxPool(x, `stage${stage + 1}.pool`, [2, 2]);
  });
  return layers.globalAverage(x, "pool");
});
