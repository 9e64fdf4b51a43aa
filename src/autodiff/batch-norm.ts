// BatchNormalization in training mode: forward with the statistics of the batch, and its gradient.
// Ioffe and Szegedy 2015; the backward pass is arranged so that the feature map is touched as few times as possible.

import { epsilonOf } from "../onnx/attributes.ts";
import type { GraphBuilder } from "../onnx/builder.ts";
import type { NodeProto } from "../onnx/proto.ts";
import { reduceMean, reshape } from "./emit.ts";

/** Names of what the forward pass leaves for the backward pass and for the running statistics, each [C]. */
export interface BatchStatistics {
  readonly mean: string;
  readonly variance: string;
  /** 1 / sqrt(variance + epsilon) */
  readonly inverseDeviation: string;
}

/** Emits y = gamma (x - mean) / sqrt(variance + epsilon) + beta with batch statistics; y keeps the node's output name. */
export function emitTrainingBatchNorm(b: GraphBuilder, node: NodeProto): BatchStatistics {
  const [x, gamma, beta] = node.input as [string, string, string];
  const y = node.output[0]!;
  const epsilon = epsilonOf(node);
  // The operator's "running" outputs alias its mean and variance inputs when those are shared constants, and gradients
  // come out silently wrong: feed private, computed tensors. With momentum 0 the outputs are the batch's own statistics.
  const scratchMean = b.op("Neg", [gamma], {}, `${y}/scratch_mean`);
  const scratchVariance = b.op("Abs", [gamma], {}, `${y}/scratch_variance`);
  const [out, mean, variance] = b.ops(
    "BatchNormalization",
    [x, gamma, beta, scratchMean, scratchVariance],
    3,
    { training_mode: 1, momentum: 0, epsilon },
    y,
  ) as [string, string, string];
  if (out !== y) throw new Error(`BatchNormalization output ${y} was already defined`);
  const deviation = b.op("Sqrt", [b.op("Add", [variance, b.scalar(epsilon)])]);
  return { mean, variance, inverseDeviation: b.op("Reciprocal", [deviation]) };
}

export interface BatchNormGradients {
  dx: string | undefined;
  dGamma: string;
  dBeta: string;
}

/**
 * With m the mean, r the inverse deviation and n = N H W:
 * s1 = mean(dz), s2 = mean(dz x), q = (s2 - m s1) r, A = gamma r, B = -A q r, C = -(A s1 + B m);
 * dx = A dz + (B x + C), dGamma = n q, dBeta = n s1.
 *
 * @param dz gradient of y; may still broadcast to the shape of x
 */
export function batchNormGradient(
  b: GraphBuilder,
  x: string,
  gamma: string,
  dz: string,
  statistics: BatchStatistics,
  needsDx: boolean,
): BatchNormGradients {
  const dims = b.dims(x);
  const channels = dims[1]!;
  const axes = dims.flatMap((_, i) => (i === 1 ? [] : [i]));
  const count = dims.reduce((product, d) => product * d, 1) / channels;
  const { mean, inverseDeviation } = statistics;
  const s1 = reduceMean(b, dz, axes, false);
  const s2 = reduceMean(b, b.op("Mul", [dz, x]), axes, false);
  const q = b.op("Mul", [b.op("Sub", [s2, b.op("Mul", [mean, s1])]), inverseDeviation]);
  const n = b.scalar(count);
  const dGamma = b.op("Mul", [n, q]);
  const dBeta = b.op("Mul", [n, s1]);
  if (!needsDx) return { dx: undefined, dGamma, dBeta };

  const a = b.op("Mul", [gamma, inverseDeviation]);
  const slope = b.op("Neg", [b.op("Mul", [a, b.op("Mul", [q, inverseDeviation])])]);
  const offset = b.op("Neg", [b.op("Add", [b.op("Mul", [a, s1]), b.op("Mul", [slope, mean])])]);
  // slope x + offset in one pass: the inference operator with mean 0, variance 1, epsilon 0.
  const zero = constantVector(b, channels, 0);
  const one = constantVector(b, channels, 1);
  const linear = b.op("BatchNormalization", [x, slope, offset, zero, one], { epsilon: 0 });
  const perChannel = reshape(
    b,
    a,
    dims.map((d, i) => (i === 1 ? d : 1)),
  );
  const dx = b.op("Add", [b.op("Mul", [dz, perChannel]), linear]);
  return { dx, dGamma, dBeta };
}

function constantVector(b: GraphBuilder, length: number, value: 0 | 1): string {
  const name = `${value === 0 ? "zeros" : "ones"}_${length}`;
  return b.has(name) ? name : b.parameter(name, new Float32Array(length).fill(value), [length]);
}
