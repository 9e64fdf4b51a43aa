// The layers that architectures and exit heads are written in: each call appends nodes and their initial weights.

import type { GraphBuilder } from "../onnx/builder.ts";
import { normal, type Rng } from "../random.ts";

export interface ConvOptions {
  /** Side of the square kernel; the padding keeps the size at stride 1. @default 3 */
  kernel?: 1 | 3;
  /** @default 1 */
  stride?: number;
  /** @default 1 */
  groups?: number;
}

/**
 * Named layers over one graph. Every method takes the input tensor, then the layer's name, and returns the name of its
 * output, which is the layer's own; parameters are called `<name>.weight`, `<name>.bias` and so on, as PyTorch does.
 */
export class Layers {
  readonly graph: GraphBuilder;
  readonly #rng: Rng;

  /** @param rng where all initial weights come from, in the order of the calls */
  constructor(graph: GraphBuilder, rng: Rng) {
    this.graph = graph;
    this.#rng = rng;
  }

  /** Convolution without bias on [N, C, H, W]: normal weights of He's variance over the fan-out. */
  conv(x: string, name: string, channels: number, options: ConvOptions = {}): string {
    const { kernel = 3, stride = 1, groups = 1 } = options;
    const dims = [channels, this.channels(x) / groups, kernel, kernel];
    const weight = this.#draw(dims, this.#normal(Math.sqrt((2 * groups) / (channels * kernel * kernel))));
    const pad = (kernel - 1) / 2;
    return this.graph.op(
      "Conv",
      [x, this.graph.parameter(`${name}.weight`, weight, dims)],
      {
        kernel_shape: [kernel, kernel],
        strides: [stride, stride],
        pads: [pad, pad, pad, pad],
        ...(groups > 1 && { group: groups }),
      },
      name,
    );
  }

  /** Batch normalisation that starts as the identity: scale 1, shift 0, mean 0, variance 1. */
  batchNorm(x: string, name: string): string {
    const channels = this.channels(x);
    const constant = (part: string, value: number): string =>
      this.graph.parameter(`${name}.${part}`, new Float32Array(channels).fill(value), [channels]);
    const parameters = [
      constant("weight", 1),
      constant("bias", 0),
      constant("running_mean", 0),
      constant("running_var", 1),
    ];
    return this.graph.op("BatchNormalization", [x, ...parameters], { epsilon: 1e-5 }, name);
  }

  relu(x: string, name: string): string {
    return this.graph.op("Relu", [x], {}, name);
  }

  relu6(x: string, name: string): string {
    return this.graph.op("Clip", [x, this.graph.scalar(0), this.graph.scalar(6)], {}, name);
  }

  maxPool(x: string, name: string, kernel: readonly number[]): string {
    return this.graph.op("MaxPool", [x], { kernel_shape: kernel, strides: kernel }, name);
  }

  averagePool(x: string, name: string, kernel: readonly number[]): string {
    return this.graph.op("AveragePool", [x], { kernel_shape: kernel, strides: kernel }, name);
  }

  /** [N, C, H, W] to [N, C]: the mean of every channel. */
  globalAverage(x: string, name: string): string {
    return this.graph.op("Flatten", [this.graph.op("GlobalAveragePool", [x], {}, `${name}.mean`)], {}, name);
  }

  /** Fully connected on [N, F]: weight [outputs, F] uniform within 1 / sqrt(F), bias 0. */
  linear(x: string, name: string, outputs: number, output: string = name): string {
    const inputs = this.channels(x);
    const bound = 1 / Math.sqrt(inputs);
    const weight = this.#draw([outputs, inputs], () => (2 * this.#rng() - 1) * bound);
    const parameters = [
      this.graph.parameter(`${name}.weight`, weight, [outputs, inputs]),
      this.graph.parameter(`${name}.bias`, new Float32Array(outputs), [outputs]),
    ];
    return this.graph.op("Gemm", [x, ...parameters], { transB: 1 }, output);
  }

  channels(x: string): number {
    return this.graph.dims(x)[1]!;
  }

  #normal(deviation: number): () => number {
    return () => normal(this.#rng) * deviation;
  }

  #draw(dims: readonly number[], next: () => number): Float32Array {
    return Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, next);
  }
}
