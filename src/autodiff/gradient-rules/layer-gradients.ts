// Gradients of the layers that have weights: convolutions, matrix products, normalization.

import { SpinnError } from "../../errors.ts";
import { floatAttribute, intAttribute } from "../../onnx/attributes.ts";
import { slidingWindow } from "../../onnx/sliding-window.ts";
import { convInputGradient, convWeightGradient } from "../conv-gradient.ts";
import { reduceSum, reshape, sumTo, transpose } from "../emit.ts";
import { fullDy, type GradientRule, type GradientRules, inputDims } from "./gradient-rule.ts";

const conv: GradientRule = (c) => {
  const { b, node } = c;
  const [x, w] = node.input as [string, string];
  const dims = b.dims(x);
  if (dims.length !== 4)
    throw new SpinnError("UnsupportedModel", `Node "${node.name}": only 2-D convolutions can be trained`);
  const shape = {
    window: slidingWindow(node, dims.slice(2), b.dims(w).slice(2)),
    group: intAttribute(node, "group", 1),
    block: c.block,
  };
  const dy = fullDy(c);
  return [
    c.needs(0) ? convInputGradient(b, dy, w, dims, shape) : undefined,
    c.needs(1) ? convWeightGradient(b, x, dy, b.dims(w), shape) : undefined,
    node.input[2] && c.needs(2) ? reduceSum(b, dy, [0, 2, 3], false) : undefined,
  ];
};

const gemm: GradientRule = (c) => {
  const { b, node } = c;
  const [a, w, bias] = node.input as [string, string, string | undefined];
  const dy = fullDy(c);
  const transA = intAttribute(node, "transA", 0) === 1;
  const transB = intAttribute(node, "transB", 0) === 1;
  const alpha = floatAttribute(node, "alpha", 1);
  const beta = floatAttribute(node, "beta", 1);
  const product = (l: string, tl: boolean, r: string, tr: boolean): string =>
    b.op("Gemm", [l, r], { transA: tl ? 1 : 0, transB: tr ? 1 : 0, alpha });
  const da = (): string => (transA ? product(w, transB, dy, true) : product(dy, false, w, !transB));
  const dw = (): string => (transB ? product(dy, true, a, transA) : product(a, !transA, dy, false));
  const dBias = (name: string): string => {
    const summed = sumTo(b, dy, b.dims(name));
    return beta === 1 ? summed : b.op("Mul", [summed, b.scalar(beta)]);
  };
  return [c.needs(0) ? da() : undefined, c.needs(1) ? dw() : undefined, bias && c.needs(2) ? dBias(bias) : undefined];
};

const matmul: GradientRule = (c) => {
  const { b, node } = c;
  const [l, r] = node.input as [string, string];
  if (b.dims(l).length < 2 || b.dims(r).length < 2) {
    throw new SpinnError("UnsupportedModel", `Node "${node.name}": MatMul with a vector cannot be differentiated`);
  }
  const dy = fullDy(c);
  const swap = (x: string): string => {
    const rank = b.dims(x).length;
    const perm = Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i));
    return transpose(b, x, perm);
  };
  return [
    c.needs(0) ? sumTo(b, b.op("MatMul", [dy, swap(r)]), b.dims(l)) : undefined,
    c.needs(1) ? sumTo(b, b.op("MatMul", [swap(l), dy]), b.dims(r)) : undefined,
  ];
};

/** BatchNormalization with fixed statistics: y is linear in x. (With batch statistics: batch-norm.ts.) */
const fixedBatchNorm: GradientRule = (c) => {
  const { b, node } = c;
  const [, gamma, , , variance] = node.input as [string, string, string, string, string];
  const rank = inputDims(c, 0).length;
  const deviation = b.op("Sqrt", [b.op("Add", [variance, b.scalar(floatAttribute(node, "epsilon", 1e-5))])]);
  const factor = b.op("Div", [gamma, deviation]);
  const perChannel = reshape(
    b,
    factor,
    Array.from({ length: rank }, (_, i) => (i === 1 ? b.dims(gamma)[0]! : 1)),
  );
  return [b.op("Mul", [c.dy, perChannel])];
};

export const layerGradients: GradientRules = {
  BatchNormalization: fixedBatchNorm,
  Conv: conv,
  Gemm: gemm,
  MatMul: matmul,
};
