// Gradients of activations: dy times a slope, which comes from the output where that is enough.

import { floatAttribute, intAttribute } from "../../onnx/attributes.ts";
import { positiveMask, reduceSum } from "../emit.ts";
import { fullDy, type GradientRule, type GradientRules, type RuleContext } from "./gradient-rule.ts";

/** dy times something of the output's shape: the broadcast comes for free. */
const timesDy =
  (factor: (c: RuleContext) => string): GradientRule =>
  (c) => [c.b.op("Mul", [c.dy, factor(c)])];

const relu = timesDy((c) => positiveMask(c.b, c.node.output[0]!));

const clip: GradientRule = (c) => {
  // The gradient passes where low < x < high. Both tests are a steep HardSigmoid of (y - low) and of (high - y).
  const { b, node } = c;
  const y = node.output[0]!;
  let dx = c.dy;
  if (node.input[1]) dx = b.op("Mul", [dx, positiveMask(b, b.op("Sub", [y, node.input[1]]))]);
  if (node.input[2]) dx = b.op("Mul", [dx, positiveMask(b, b.op("Sub", [node.input[2], y]))]);
  return [dx];
};

const sigmoid = timesDy((c) => {
  const y = c.node.output[0]!;
  return c.b.op("Mul", [y, c.b.op("Sub", [c.b.scalar(1), y])]);
});

const hardSigmoid = timesDy((c) =>
  hardSigmoidSlope(c, c.node.input[0]!, floatAttribute(c.node, "alpha", 0.2), floatAttribute(c.node, "beta", 0.5)),
);

/** alpha where 0 < alpha x + beta < 1, else 0. */
function hardSigmoidSlope(c: RuleContext, x: string, alpha: number, beta: number): string {
  const { b } = c;
  const line = b.op("Add", [b.op("Mul", [x, b.scalar(alpha)]), b.scalar(beta)]);
  const inside = b.op("Mul", [positiveMask(b, line), positiveMask(b, b.op("Sub", [b.scalar(1), line]))]);
  return b.op("Mul", [inside, b.scalar(alpha)]);
}

const hardSwish = timesDy((c) => {
  const { b, node } = c;
  const x = node.input[0]!;
  const gate = b.op("HardSigmoid", [x], { alpha: 1 / 6, beta: 0.5 });
  return b.op("Add", [gate, b.op("Mul", [x, hardSigmoidSlope(c, x, 1 / 6, 0.5)])]);
});

const leakyRelu = timesDy((c) => {
  const { b, node } = c;
  const alpha = floatAttribute(node, "alpha", 0.01);
  const positive = b.op("Mul", [positiveMask(b, node.input[0]!), b.scalar(1 - alpha)]);
  return b.op("Add", [positive, b.scalar(alpha)]);
});

const tanh = timesDy((c) => {
  const y = c.node.output[0]!;
  return c.b.op("Sub", [c.b.scalar(1), c.b.op("Mul", [y, y])]);
});

const softmax: GradientRule = (c) => {
  const { b, node } = c;
  const y = node.output[0]!;
  const rank = b.dims(y).length;
  const axis = intAttribute(node, "axis", -1);
  const weighted = b.op("Mul", [c.dy, y]);
  const total = reduceSum(b, weighted, [axis < 0 ? axis + rank : axis], true);
  return [b.op("Sub", [weighted, b.op("Mul", [y, total])])];
};

const logSoftmax: GradientRule = (c) => {
  const { b, node } = c;
  const y = node.output[0]!;
  const rank = b.dims(y).length;
  const axis = intAttribute(node, "axis", -1);
  const dy = fullDy(c);
  const total = reduceSum(b, dy, [axis < 0 ? axis + rank : axis], true);
  return [b.op("Sub", [dy, b.op("Mul", [b.op("Exp", [y]), total])])];
};

export const activationGradients: GradientRules = {
  Clip: clip,
  HardSigmoid: hardSigmoid,
  HardSwish: hardSwish,
  LeakyRelu: leakyRelu,
  LogSoftmax: logSoftmax,
  Relu: relu,
  Sigmoid: sigmoid,
  Softmax: softmax,
  Tanh: tanh,
};
