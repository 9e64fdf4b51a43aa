// Gradients of arithmetic with broadcasting, and of sums and means along axes.

import { intsAttribute } from "../../onnx/attributes.ts";
import { sizeOf } from "../../tensor.ts";
import { expand, reshape, sameDims, sumTo } from "../emit.ts";
import { fullDy, type GradientRule, type GradientRules, inputDims, type RuleContext } from "./gradient-rule.ts";

const add: GradientRule = (c) =>
  c.node.input.map((_, i) => {
    if (!c.needs(i)) return undefined;
    const dims = inputDims(c, i);
    // A gradient may stay unexpanded only where no sum runs over the missing dimensions.
    return sameDims(dims, c.b.dims(c.node.output[0]!)) ? c.dy : sumTo(c.b, fullDy(c), dims);
  });

const sub: GradientRule = (c) => {
  const [da, db] = add(c);
  return [da, db && c.b.op("Neg", [db])];
};

const mul: GradientRule = (c) => {
  const { b, node } = c;
  const [l, r] = node.input as [string, string];
  const dy = fullDy(c);
  return [
    c.needs(0) ? sumTo(b, b.op("Mul", [dy, r]), b.dims(l)) : undefined,
    c.needs(1) ? sumTo(b, b.op("Mul", [dy, l]), b.dims(r)) : undefined,
  ];
};

const div: GradientRule = (c) => {
  const { b, node } = c;
  const [l, r] = node.input as [string, string];
  const dl = b.op("Div", [fullDy(c), r]);
  return [
    c.needs(0) ? sumTo(b, dl, b.dims(l)) : undefined,
    c.needs(1) ? sumTo(b, b.op("Neg", [b.op("Mul", [dl, node.output[0]!])]), b.dims(r)) : undefined,
  ];
};

const reduceMeanRule: GradientRule = (c) =>
  reduceRule(c, 1 / (sizeOf(inputDims(c, 0)) / sizeOf(c.b.dims(c.node.output[0]!))));
const reduceSumRule: GradientRule = (c) => reduceRule(c, 1);

function reduceRule(c: RuleContext, factor: number): (string | undefined)[] {
  const { b, node } = c;
  const dims = inputDims(c, 0);
  const given: readonly number[] | undefined =
    intsAttribute(node, "axes") ?? (node.input[1] ? b.type(node.input[1]).values : undefined);
  const axes = (given ?? dims.map((_, i) => i)).map((a) => (a < 0 ? a + dims.length : a));
  const kept = reshape(
    b,
    fullDy(c),
    dims.map((d, i) => (axes.includes(i) ? 1 : d)),
  );
  const scaled = factor === 1 ? kept : b.op("Mul", [kept, b.scalar(factor)]);
  return [expand(b, scaled, dims)];
}

export const arithmeticGradients: GradientRules = {
  Add: add,
  Div: div,
  Mul: mul,
  ReduceMean: reduceMeanRule,
  ReduceSum: reduceSumRule,
  Sub: sub,
};
