// Pruned models compute the same with less.

import { expect, test } from "vitest";
import { needRealModels, REAL_MODELS, realModel } from "../../test/real-models.ts";
import { runModel } from "../../test/run-model.ts";
import { GraphBuilder } from "./builder.ts";
import { DataType, edit, floatTensor, type ModelProto, makeValueInfo, type TensorProto } from "./proto.ts";
import { prune, removeDead } from "./prune.ts";
import { validateModel } from "./validate.ts";

function build(body: (g: GraphBuilder, x: string) => string[], opset = 17): ModelProto {
  const g = new GraphBuilder(opset);
  const x = g.input("x", [1, 4], undefined, ["N", 4]);
  for (const y of body(g, x)) g.output(y, ["N", 4]);
  return g.build("prune");
}

const ops = (model: ModelProto): string[] => model.graph!.node.map((n) => n.opType);

async function samePruned(model: ModelProto): Promise<ModelProto> {
  const pruned = validateModel(prune(model));
  expect(await runModel(pruned, { batch: 2 })).toEqual(await runModel(model, { batch: 2 }));
  return pruned;
}

test("copies in the middle disappear, chains of them too", async () => {
  const pruned = await samePruned(
    build((g, x) => {
      const copy = g.op("Identity", [g.op("Dropout", [g.op("Identity", [x])])]);
      const weight = g.op("Identity", [g.parameter("w", Float32Array.of(1, 2, 3, 4), [4])]);
      return [g.op("Add", [copy, weight], {}, "y")];
    }),
  );
  expect(ops(pruned)).toEqual(["Add"]);
  expect(pruned.graph!.node[0]!.input).toEqual(["x", "w"]);
});

test("a copy that is an output gives its name to the original, for all its readers", async () => {
  const pruned = await samePruned(
    build((g, x) => {
      const relu = g.op("Relu", [x], {}, "inner");
      return [g.op("Identity", [g.op("Identity", [relu])], {}, "y"), g.op("Neg", [relu], {}, "z")];
    }),
  );
  expect(ops(pruned)).toEqual(["Relu", "Neg"]);
  expect(pruned.graph!.node.map((n) => [n.input[0], n.output[0]])).toEqual([
    ["x", "y"],
    ["y", "z"],
  ]);
});

test("copies stay where two names are asked for, or where the input goes straight out", async () => {
  const twice = build((g, x) => {
    const relu = g.op("Relu", [x], {}, "a");
    return [relu, g.op("Identity", [relu], {}, "b"), g.op("Identity", [relu], {}, "c")];
  });
  expect(ops(await samePruned(twice))).toEqual(["Relu", "Identity", "Identity"]);
  expect(ops(await samePruned(build((g, x) => [g.op("Identity", [x])])))).toEqual(["Identity"]);
});

test("dropout stays when it may train or when its mask is used", async () => {
  const flag = (value: number): TensorProto =>
    edit(floatTensor("training", Float32Array.of(0), []), { dataType: DataType.BOOL, rawData: Uint8Array.of(value) });
  const withFlag = (training: number): ModelProto =>
    build((g, x) => {
      return [g.op("Neg", [g.op("Dropout", [x, g.scalar(0.5), g.initializer(flag(training))])])];
    });
  expect(ops(prune(withFlag(1)))).toEqual(["Dropout", "Neg"]);
  expect(ops(await samePruned(withFlag(0)))).toEqual(["Neg"]);
  const masked = build((g, x) => {
    const [kept, mask] = g.ops("Dropout", [x], 2);
    return [g.op("Where", [mask!, kept!, x])];
  });
  expect(ops(await samePruned(masked))).toEqual(["Dropout", "Where"]);
});

test("constants that are nodes become initializers, whatever form they have", async () => {
  const model = build((g, x) => {
    const tensor = g.op("Constant", [], { value: floatTensor("", Float32Array.of(1, 2, 3, 4), [4]) });
    const scalar = g.op("Constant", [], { value_float: 0.5 });
    const sum = g.op("Mul", [g.op("Add", [x, tensor]), scalar]);
    const flat = g.op("Reshape", [sum, g.op("Constant", [], { value_ints: [-1, 2, 2] })]);
    const first = g.op("Gather", [flat, g.op("Constant", [], { value_int: 0 })], { axis: 0 });
    return [g.op("Add", [sum, g.op("Reshape", [first, g.ints([1, 4])])])];
  });
  const pruned = await samePruned(model);
  expect(ops(pruned)).not.toContain("Constant");
  expect(pruned.graph!.initializer).toHaveLength(5);
});

test("removeDead() drops what no output needs, and inputs that only repeat a weight", () => {
  const model = build((g, x) => {
    const w = g.parameter("w", Float32Array.of(1), [1]);
    g.op("Mul", [g.op("Neg", [x]), g.parameter("unused", Float32Array.of(2), [1])]);
    return [g.op("Add", [x, w])];
  });
  const graph = model.graph!;
  graph.input.push(makeValueInfo("w", DataType.FLOAT, [1]), makeValueInfo("extra", DataType.FLOAT, [1]));
  graph.valueInfo.push(makeValueInfo("neg", DataType.FLOAT, ["N", 4]));
  const pruned = removeDead(model).graph!;
  expect(pruned.node.map((n) => n.opType)).toEqual(["Add"]);
  expect(pruned.initializer.map((t) => t.name)).toEqual(["w"]);
  expect(pruned.input.map((i) => i.name)).toEqual(["x", "extra"]);
  expect(pruned.valueInfo).toEqual([]);
  expect(graph.node).toHaveLength(3);
});

test.for(REAL_MODELS)("%s has nothing to prune", (name, { skip }) => {
  needRealModels(skip);
  const model = realModel(name);
  expect(prune(model)).toEqual(edit(model, {}));
});
