// addExits() on real and made networks: what onnxruntime computes, and what the metadata says.

import { expect, test } from "vitest";
import { needRealModels, REAL_MODELS, type RealModel, realModel } from "../../test/real-models.ts";
import { SpinnError } from "../errors.ts";
import { GraphBuilder } from "../onnx/builder.ts";
import { decodeModel, encodeModel } from "../onnx/codec.ts";
import { countMacs } from "../onnx/flops.ts";
import { graphOf } from "../onnx/graph-index.ts";
import { DataType, declaredType, type ModelProto } from "../onnx/proto.ts";
import { inferShapes } from "../onnx/shapes.ts";
import { readMetadata } from "../progressive/metadata.ts";
import { createRng } from "../random.ts";
import { createSession } from "../runtime/index.ts";
import { float32, sizeOf, type Tensor } from "../tensor.ts";
import { addExits } from "./add-exits.ts";
import { buildArchitecture } from "./architectures/index.ts";
import type { HeadKind } from "./heads.ts";
import { Layers } from "./layers.ts";

function noise(dims: readonly number[]): Tensor {
  const rng = createRng(7);
  return float32(
    Float32Array.from({ length: sizeOf(dims) }, () => 2 * rng() - 1),
    dims,
  );
}

async function runOn(model: ModelProto, input: Tensor): Promise<Record<string, Tensor>> {
  const session = await createSession(decodeModel(encodeModel(model)));
  const outputs = await session.run({ [session.inputNames[0]!]: input });
  await session.release();
  return outputs;
}

const outputNames = (model: ModelProto): string[] => graphOf(model).output.map((o) => o.name);
const exitNames = [1, 2, 3, 4, 5, 6].map((i) => `exit${i}_logits`);
const small = (): ModelProto => buildArchitecture("resnet20", { classes: 10, seed: 1, width: 4 });

test.for(
  REAL_MODELS.map((name, i): [RealModel, HeadKind] => [name, (["sdn", "msdnet", "msdnet", "linear"] as const)[i]!]),
)("%s with %s heads: all seven outputs, the final one unchanged", async ([name, kind], { skip }) => {
  needRealModels(skip);
  const plain = realModel(name);
  const model = addExits(plain, { seed: 1, head: { kind } });
  const final = outputNames(plain)[0]!;
  expect(outputNames(model)).toEqual([...exitNames, final]);

  const [, ...image] = inferShapes(plain).get(graphOf(plain).input[0]!.name)!.dims;
  const input = noise([2, ...image]);
  const [before, after] = [await runOn(plain, input), await runOn(model, input)];
  expect(after[final]!.data).toEqual(before[final]!.data);
  for (const exit of exitNames) {
    expect(after[exit]!.dims).toEqual(before[final]!.dims);
    expect(Array.from(after[exit]!.data as Float32Array).every(Number.isFinite)).toBe(true);
  }
});

test("the trunk's weights are the very same, and nothing of the input is changed", () => {
  const plain = small();
  const bytes = encodeModel(plain);
  const model = addExits(plain, { seed: 1 });
  expect(graphOf(model).initializer.slice(0, graphOf(plain).initializer.length)).toEqual(graphOf(plain).initializer);
  expect(encodeModel(plain)).toEqual(bytes);
});

test("exits come in the order of computation, each counted with all heads before it", () => {
  const model = addExits(small(), { seed: 1, head: { kind: "msdnet", width: 8 } });
  const { exits, final } = readMetadata(model)!;
  expect(final).toBe("logits");
  expect(exits.map((e) => [e.name, e.output])).toEqual(exitNames.map((name, i) => [`exit${i + 1}`, name]));
  const total = countMacs(model).total;
  const trunk = countMacs(small()).total;
  const heads = exits.map((e) => e.headMacs);
  expect(trunk + heads.reduce((a, b) => a + b)).toBe(total);
  exits.forEach(({ flopsFraction, wanted }, i) => {
    const headsSoFar = heads.slice(0, i + 1).reduce((a, b) => a + b);
    expect(Math.abs((flopsFraction * total - headsSoFar) / trunk - wanted)).toBeLessThan(0.06);
  });
  const order = graphOf(model).node.flatMap((n) => n.output);
  const positions = exits.flatMap((e) => [order.indexOf(e.at), order.indexOf(e.output)]);
  expect(positions).toEqual([...positions].sort((a, b) => a - b));
  expect(graphOf(model).output.map((o) => declaredType(o)!.dims)).toEqual(new Array(7).fill(["N", 10]));
});

test("the same seed gives the same bytes, another one other heads", () => {
  const bytes = (seed: number): Uint8Array => encodeModel(addExits(small(), { seed, fractions: [0.5] }));
  expect(bytes(1)).toEqual(bytes(1));
  expect(bytes(1)).not.toEqual(bytes(2));
});

/** conv -> conv -> classes by convolution -> mean -> softmax, as [N, 3] or left as [N, 3, 1, 1]. */
function endingInSoftmax(flat: boolean): ModelProto {
  const graph = new GraphBuilder(11);
  const layers = new Layers(graph, createRng(1));
  const x = graph.input("image", [1, 3, 16, 16], DataType.FLOAT, ["batch", 3, 16, 16]);
  let y = layers.relu(layers.conv(x, "a", 8), "ra");
  y = layers.relu(layers.conv(y, "b", 8), "rb");
  y = graph.op("GlobalAveragePool", [layers.conv(y, "c", 3, { kernel: 1 })], {}, "mean");
  if (flat) y = graph.op("Flatten", [y], {}, "scores");
  graph.output(graph.op("Softmax", [y], { axis: 1 }, "probabilities"), flat ? ["batch", 3] : ["batch", 3, 1, 1]);
  return graph.build("softmax");
}

test.for([true, false])("a Softmax at the end gives way to its logits (flat: %s)", async (flat) => {
  const plain = endingInSoftmax(flat);
  const model = addExits(plain, { seed: 1, fractions: [0.2, 0.9] });
  const logits = flat ? "scores" : "mean";
  expect(outputNames(model)).toEqual(["exit1_logits", "exit2_logits", logits]);
  expect(declaredType(graphOf(model).output[0]!)!.dims).toEqual(["batch", 3]);
  const input = noise([2, 3, 16, 16]);
  const before = (await runOn(plain, input)).probabilities!.data as Float32Array;
  const after = (await runOn(model, input))[logits]!.data as Float32Array;
  const exps = after.map(Math.exp);
  for (let i = 0; i < 6; i++) {
    const row = exps.subarray(i < 3 ? 0 : 3, i < 3 ? 3 : 6);
    expect(exps[i]! / row.reduce((a, b) => a + b)).toBeCloseTo(before[i]!, 5);
  }
});

test("what cannot get exits is refused", () => {
  const refused = (model: ModelProto, why: RegExp, fractions?: number[]): void => {
    const add = (): ModelProto => addExits(model, { seed: 1, ...(fractions && { fractions }) });
    expect(add).toThrow(SpinnError);
    expect(add).toThrow(why);
  };
  refused(addExits(small(), { seed: 1 }), /early exits already/);
  refused(endingInSoftmax(true), /2 places/);
  const two = small();
  const graph = graphOf(two);
  refused({ ...two, graph: { ...graph, output: [...graph.output, ...graph.output] } }, /2 outputs, not one/);
  refused({ ...two, graph: { ...graph, output: [] } }, /0 outputs/);
  const map = { ...graph, output: [{ ...graph.output[0]!, name: "layer3.2.relu2" }] };
  refused({ ...two, graph: map }, /not one score for each class/);
  const exits = addExits(two, { seed: 1, fractions: [0.5] });
  const again = { ...exits, metadataProps: [], graph: { ...exits.graph!, output: graph.output } };
  refused(again, /already has a tensor "exit1/);
  expect(() => addExits(small(), { seed: 1, fractions: [2] })).toThrow(RangeError);
});
