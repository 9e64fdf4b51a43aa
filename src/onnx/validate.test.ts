// Broken and hostile models: one line that says what and where, never another exception, never a hang.

import fc from "fast-check";
import { expect, test } from "vitest";
import { needRealModels, REAL_MODELS, realModel } from "../../test/real-models.ts";
import { isSpinnError, SpinnError } from "../errors.ts";
import { GraphBuilder } from "./builder.ts";
import { decodeModel, encodeModel } from "./codec.ts";
import {
  AttributeType,
  floatTensor,
  int64Tensor,
  type ModelProto,
  makeNode,
  makeValueInfo,
  type NodeProto,
} from "./proto.ts";
import { validateModel } from "./validate.ts";

/** A small classifier with one of everything that matters: [N, 3, 8, 8] -> [N, 4]. */
function classifier(): ModelProto {
  const g = new GraphBuilder(13);
  const w = (stem: string, dims: number[]): string => {
    return g.parameter(stem, new Float32Array(dims.reduce((a, b) => a * b)).fill(0.5), dims);
  };
  const x = g.input("x", [1, 3, 8, 8], undefined, ["N", 3, 8, 8]);
  const conv = g.op("Conv", [x, w("w", [4, 3, 3, 3]), w("b", [4])], { pads: [1, 1, 1, 1], strides: [2, 2] });
  const norm = g.op("BatchNormalization", [conv, ...["s", "c", "m", "v"].map((n) => w(n, [4]))], { epsilon: 1e-5 });
  const relu = g.op("Relu", [norm]);
  const sum = g.op("Add", [g.op("Clip", [relu, g.scalar(0), g.scalar(6)]), relu]);
  const cut = g.op("Slice", [sum, g.ints([0]), g.ints([2]), g.ints([1])]);
  const pool = g.op("MaxPool", [g.op("Concat", [cut, sum], { axis: 1 })], { kernel_shape: [2, 2], strides: [2, 2] });
  const flat = g.op("Reshape", [g.op("GlobalAveragePool", [pool]), g.ints([0, -1])]);
  g.output(g.op("Gemm", [flat, w("fc", [4, 6]), w("fc_b", [4])], { transB: 1 }, "logits"), ["N", 4]);
  return g.build("classifier");
}

/** The classifier after `edit`, through its bytes, as a file would bring it. */
function edited(edit: (model: ModelProto) => void): ModelProto {
  const model = classifier();
  edit(model);
  return decodeModel(encodeModel(model));
}

test("a good model comes back itself, an unsorted one sorted", () => {
  const model = classifier();
  expect(validateModel(model)).toBe(model);
  const reversed = edited((m) => m.graph!.node.reverse());
  const names = (m: ModelProto): string[] => m.graph!.node.map((n) => n.name);
  expect(names(validateModel(reversed)).at(-1)).toBe("logits");
  expect(names(reversed)[0]).toBe("logits");
});

test.for(REAL_MODELS)("%s is valid", (name, { skip }) => {
  needRealModels(skip);
  const model = realModel(name);
  expect(validateModel(model)).toBe(model);
});

const conv = (m: ModelProto) => m.graph!.node[0]!;
const huge = 2n ** 40n;

const broken: Record<string, [edit: (m: ModelProto) => unknown, code: string, message: RegExp]> = {
  "an older opset": [(m) => (m.opsetImport[0]!.version = 9n), "UnsupportedModel", /opset 9, 11 to 21.*opset_version/],
  "a newer opset": [(m) => (m.opsetImport[0]!.version = 22n), "UnsupportedModel", /opset 22/],
  "no opset": [(m) => m.opsetImport.pop(), "UnsupportedModel", /opset 1,/],
  "no IR version": [(m) => (m.irVersion = 0n), "InvalidModel", /IR version 0/],
  "no nodes": [(m) => (m.graph!.node = []), "InvalidModel", /no nodes/],
  "no output": [(m) => (m.graph!.output = []), "InvalidModel", /no output/],
  "a node without output": [(m) => (conv(m).output = [""]), "InvalidModel", /"conv" \(Conv\) makes nothing/],
  "an unknown operator": [(m) => (conv(m).opType = "FooConv"), "UnsupportedModel", /"conv" \(FooConv\).*not known/],
  "an operator named like a method": [(m) => (conv(m).opType = "constructor"), "UnsupportedModel", /not known/],
  "a foreign domain": [
    (m) => (conv(m).domain = "acme"),
    "InvalidModel",
    /domain "acme", which the model does not import/,
  ],
  "a cycle": [(m) => (conv(m).input[0] = "relu"), "InvalidModel", /cyclic: .*"conv".*"batchnormalization".*"relu"/],
  "a tensor from nowhere": [(m) => (conv(m).input[0] = "ghost"), "InvalidModel", /"conv" \(Conv\) reads "ghost"/],
  "an output from nowhere": [(m) => (m.graph!.output[0]!.name = "ghost"), "InvalidModel", /output "ghost"/],
  "an output listed twice": [(m) => m.graph!.output.push(m.graph!.output[0]!), "InvalidModel", /"logits" twice/],
  "a tensor made twice": [(m) => (m.graph!.node[1]!.output[0] = "conv"), "InvalidModel", /"conv" is made twice/],
  "a node name twice": [(m) => (m.graph!.node[1]!.name = "conv"), "InvalidModel", /Two nodes are called "conv"/],
  "an initializer twice": [(m) => m.graph!.initializer.push(m.graph!.initializer[0]!), "InvalidModel", /"w" is made/],
  "an initializer without name": [(m) => (m.graph!.initializer[0]!.name = ""), "InvalidModel", /has no name/],
  "too few values": [
    (m) => (m.graph!.initializer[0]!.rawData = new Uint8Array(8)),
    "InvalidModel",
    /"w" holds 2 values, its shape wants 108/,
  ],
  "half a value": [(m) => (m.graph!.initializer[0]!.rawData = new Uint8Array(7)), "InvalidModel", /"w" has 7 bytes/],
  "an element type that is not": [(m) => (m.graph!.initializer[0]!.dataType = 99), "UnsupportedModel", /"w".*type 99/],
  "an absurd weight shape": [(m) => (m.graph!.initializer[0]!.dims = [huge, huge]), "InvalidModel", /"w".*impossible/],
  "a negative weight shape": [(m) => (m.graph!.initializer[0]!.dims = [-4n, -27n]), "InvalidModel", /"w".*impossible/],
  "a NaN weight": [
    (m) => (m.graph!.initializer[1] = floatTensor("b", Float32Array.of(0, Number.NaN, 0, 0), [4])),
    "InvalidModel",
    /Weight "b" holds NaN at position 1/,
  ],
  "an infinite weight": [
    (m) => (m.graph!.initializer[1] = floatTensor("b", Float32Array.of(0, 0, 0, -Infinity), [4])),
    "InvalidModel",
    /Weight "b" holds -Infinity at position 3/,
  ],
  "wrong channels": [
    (m) => (m.graph!.initializer[0] = floatTensor("w", new Float32Array(72), [4, 2, 3, 3])),
    "InvalidModel",
    /"conv" \(Conv\) on \[1, 3, 8, 8\] \[4, 2, 3, 3\].*: channels/,
  ],
  "a wrong declared output": [
    (m) => (m.graph!.output[0] = makeValueInfo("logits", 1, ["N", 1000])),
    "InvalidModel",
    /"logits" is declared as \[N, 1000\], the graph makes \[1, 4\]/,
  ],
  "an input without shape": [(m) => delete m.graph!.input[0]!.type, "UnsupportedModel", /"x" declares no shape/],
  "an open image size": [
    (m) => (m.graph!.input[0] = makeValueInfo("x", 1, ["N", 3, "H", "W"])),
    "UnsupportedModel",
    /\[N, 3, H, W\] leaves more open.*fixed image size/,
  ],
  "a negative input": [(m) => (m.graph!.input[0] = makeValueInfo("x", 1, [-1, 3, 8, 8])), "InvalidModel", /impossible/],
  "an absurd input": [
    (m) => (m.graph!.input[0] = makeValueInfo("x", 1, [2 ** 40, 3, 8, 8])),
    "InvalidModel",
    /impossible/,
  ],
  "an attribute of another type": [
    (m) => (conv(m).attribute.find((a) => a.name === "strides")!.type = AttributeType.FLOAT),
    "InvalidModel",
    /"strides" is FLOAT instead of INTS/,
  ],
  "a window of nonsense": [
    (m) => (conv(m).attribute.find((a) => a.name === "strides")!.ints = [0n, -(2n ** 62n)]),
    "InvalidModel",
    /"conv"/,
  ],
  "control flow": [(m) => m.graph!.node.push(withBranch(m)), "UnsupportedModel", /contains a graph of its own/],
  "Unsqueeze to a million dimensions": [
    (m) => m.graph!.node.unshift(makeNode("Unsqueeze", ["x"], ["z"], { axes: new Array(1e6).fill(0) })),
    "InvalidModel",
    /rank above 32/,
  ],
};

function withBranch(model: ModelProto): NodeProto {
  const node = makeNode("If", ["x"], ["z"], { then_branch: 0 });
  Object.assign(node.attribute[0]!, { type: AttributeType.GRAPH, g: decodeModel(encodeModel(model)).graph });
  return node;
}

test.for(Object.entries(broken))("refused: %s", ([, [edit, code, message]]) => {
  const refuse = (): unknown => validateModel(edited(edit));
  expect(refuse).toThrow(SpinnError);
  expect(refuse).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
});

test("a bound that does not bind is not a broken weight", () => {
  const model = edited((m) => {
    const at = m.graph!.initializer.findIndex((t) => t.dims.length === 0);
    const name = m.graph!.initializer[at]!.name;
    m.graph!.initializer[at] = floatTensor(name, Float32Array.of(-Infinity), []);
  });
  expect(validateModel(model)).toBe(model);
});

test("names from the file cannot break the line or flood it", () => {
  const evil = `a\nb\u001b[31m${"c".repeat(1e6)}`;
  const refuse = (): unknown => validateModel(edited((m) => (conv(m).input[0] = evil)));
  expect(refuse).toThrow(expect.objectContaining({ message: expect.stringMatching(/^[\x20-\uffff]{1,300}$/) }));
});

test("integer lists that double at every node stay bounded", () => {
  const model = edited((m) => {
    const doubling = Array.from({ length: 29 }, (_, i) =>
      makeNode("Concat", [`d${i}`, `d${i}`], [`d${i + 1}`], { axis: 0 }),
    );
    m.graph!.initializer.push(int64Tensor("d0", [1, 2]));
    m.graph!.node.push(...doubling);
  });
  const start = performance.now();
  expect(validateModel(model)).toBe(model);
  expect(performance.now() - start).toBeLessThan(1000);
});

test("deeply nested messages are refused", () => {
  // ModelProto.graph (7) . node (1) . attribute (5) . g (6) . node (1) ... a thousand levels deep.
  let bytes = new Uint8Array(0);
  const wrap = (field: number, inner: Uint8Array): Uint8Array<ArrayBuffer> => {
    const length: number[] = [];
    for (let rest = inner.length; length.length === 0 || rest > 0; rest >>>= 7) {
      length.push((rest & 127) | (rest > 127 ? 128 : 0));
    }
    return Uint8Array.of((field << 3) | 2, ...length, ...inner);
  };
  for (let i = 0; i < 1000; i++) bytes = wrap(1, wrap(5, wrap(6, bytes)));
  expect(() => validateModel(decodeModel(wrap(7, bytes)))).toThrow(SpinnError);
});

test("2 000 damaged files give a valid model or a SpinnError", () => {
  const good = encodeModel(classifier());
  const position = fc.nat({ max: good.length - 1 });
  const flips = fc.array(fc.tuple(position, fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 });
  const seldom = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
    fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: value });
  const damage = fc.record({ flips, end: seldom(position), repeat: seldom(fc.tuple(position, position)) });
  let accepted = 0;
  let refused = 0;
  fc.assert(
    fc.property(damage, ({ flips, end, repeat }) => {
      let bytes = Uint8Array.from(good);
      for (const [at, mask] of flips) bytes[at]! ^= mask;
      if (repeat) bytes = Uint8Array.of(...bytes, ...bytes.subarray(Math.min(...repeat), Math.max(...repeat)));
      if (end !== null) bytes = bytes.subarray(0, end);
      try {
        const model = validateModel(decodeModel(bytes));
        accepted++;
        expect(validateModel(decodeModel(encodeModel(model))).graph).toEqual(model.graph);
      } catch (error) {
        if (!isSpinnError(error)) throw error;
        refused++;
        expect(error.message).toMatch(/^[^\n]{1,600}$/);
      }
    }),
    { numRuns: 2000, seed: 20200921 },
  );
  expect(refused).toBeGreaterThan(500);
  expect(accepted).toBeGreaterThan(100);
});
