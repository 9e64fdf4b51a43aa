// The classifiers that stand at early exits, from a map [N, C, H, W] to logits. SPINN has one kind for all exits, taken
// from MSDNet.

import { SpinnError } from "../errors.ts";
import { label } from "../onnx/label.ts";
import type { Layers } from "./layers.ts";

export type HeadKind = "msdnet" | "sdn" | "linear";

export interface HeadOptions {
  /**
   * `msdnet`: two strided 3x3 convolutions, then linear on their mean: the paper's choice (Huang et al. 2018).
   * `sdn`: a learned mix of maximum and average pooling down to about 4x4, then linear (Kaya et al. 2019); far cheaper.
   * `linear`: the mean of every channel, then linear; the cheapest.
   *
   * @default "msdnet"
   */
  kind?: HeadKind;
  /**
   * Channels of `msdnet`'s convolutions; without meaning for the others. MSDNet itself has 128 on CIFAR, which costs
   * more than a whole stage of a CIFAR ResNet. @default {@link affordableWidth}, each head on its own
   */
  width?: number;
}

export interface Head {
  kind: HeadKind;
  width: number;
}

/** From the map to features [N, F]; a linear layer follows in all of them. Only `msdnet` has a width. */
const bodies: Readonly<Record<HeadKind, (layers: Layers, x: string, name: string, width: number) => string>> = {
  msdnet(layers, x, name, width) {
    let y = x;
    for (const i of [1, 2]) {
      y = layers.conv(y, `${name}.conv${i}`, width, { stride: 2 });
      y = layers.relu(layers.batchNorm(y, `${name}.bn${i}`), `${name}.relu${i}`);
    }
    return layers.globalAverage(y, `${name}.features`);
  },

  sdn(layers, x, name) {
    const [, , height, width] = layers.graph.dims(x) as [number, number, number, number];
    const kernel = [pooledBy(height), pooledBy(width)];
    const y = kernel.every((k) => k === 1) ? x : mixedPool(layers, x, `${name}.pool`, kernel);
    return layers.graph.op("Flatten", [y], {}, `${name}.features`);
  },

  linear: (layers, x, name) => layers.globalAverage(x, `${name}.features`),
};

export function isHeadKind(kind: string): kind is HeadKind {
  return Object.hasOwn(bodies, kind);
}

/**
 * Appends a head to `layers.graph`.
 *
 * @param x the map that it reads, [N, C, H, W]
 * @param name prefix of all its names
 * @returns the name of its logits [N, classes], `<name>_logits`
 */
export function appendHead(layers: Layers, x: string, name: string, classes: number, head: Head): string {
  if (layers.graph.dims(x).length !== 4)
    throw new SpinnError("UnsupportedModel", `An exit reads a map [N, C, H, W], which ${label(x)} is not`);
  const features = bodies[head.kind](layers, x, name, head.width);
  return layers.linear(features, `${name}.linear`, classes, `${name}_logits`);
}

/**
 * Side of the pooling window that brings `side` down to about 4, as the authors of SDN compute it; but what is a little
 * larger than 4 is halved too, since a linear layer on 7x7 would be the costliest of all.
 */
function pooledBy(side: number): number {
  return side <= 4 ? 1 : Math.max(2, Math.floor(side / 4));
}

/** average + mix (maximum - average); the mix starts in the middle. */
function mixedPool(layers: Layers, x: string, name: string, kernel: readonly number[]): string {
  const { graph } = layers;
  const average = layers.averagePool(x, `${name}.average`, kernel);
  const difference = graph.op("Sub", [layers.maxPool(x, `${name}.max`, kernel), average], {}, `${name}.difference`);
  const mix = graph.parameter(`${name}.mix`, Float32Array.of(0.5), [1]);
  return graph.op("Add", [average, graph.op("Mul", [difference, mix], {}, `${name}.scaled`)], {}, name);
}

/** Of the trunk's multiply-adds: six heads together then stay below 15 %. */
const affordableShare = 0.025;

/**
 * The widest `msdnet` head that costs at most 2.5 % of the trunk: a multiple of 8 from 16, which is always allowed, to
 * MSDNet's 128.
 *
 * @param shape of the map that the head reads, [N, C, H, W]
 */
export function affordableWidth(shape: readonly number[], classes: number, trunkMacs: number): number {
  const [, channels, height, width] = shape as [number, number, number, number];
  const half = (side: number): number => Math.ceil(side / 2);
  const area1 = half(height) * half(width);
  const area2 = half(half(height)) * half(half(width));
  const macs = (w: number): number => area1 * 9 * channels * w + area2 * 9 * w * w + w * classes;
  let best = 16;
  while (best < 128 && macs(best + 8) <= affordableShare * trunkMacs) best += 8;
  return best;
}
