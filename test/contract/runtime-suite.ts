// What every runtime must do, as plain data: each case makes its observations where the runtime is, a page perhaps, and says
// what they must be. Tests of a runtime compare the two.

import { chooseQuantization, quantize } from "../../src/codec/quantize.ts";
import { openSlicedNetwork } from "../../src/engine/open-sliced-network.ts";
import type { BoundaryState } from "../../src/engine/sliced-network.ts";
import { stepsBetween } from "../../src/engine/steps.ts";
import { isSpinnError } from "../../src/errors.ts";
import { GraphBuilder } from "../../src/onnx/builder.ts";
import { encodeModel } from "../../src/onnx/codec.ts";
import { DataType, type ModelProto } from "../../src/onnx/proto.ts";
import { createRng } from "../../src/random.ts";
import type { CreateSession, Session, SessionOptions, Tensors } from "../../src/runtime/runtime.ts";
import { float32, int64, type Tensor } from "../../src/tensor.ts";
import { toyProgressive } from "../toy.ts";

export interface RuntimeCase {
  readonly name: string;
  /** Plain data: numbers, texts, lists, records. */
  observe(createSession: CreateSession): Promise<unknown>;
  readonly expected: unknown;
}

/** Two outputs from one input `x` [N, 2]: `y` = relu(x), `z` = x + 1. */
export function twoOutputs(): ModelProto {
  const g = new GraphBuilder();
  const x = g.input("x", [1, 2], DataType.FLOAT, ["N", 2]);
  g.output(g.op("Relu", [x], {}, "y"), ["N", 2]);
  g.output(g.op("Add", [x, g.scalar(1)], {}, "z"), ["N", 2]);
  return g.build("two");
}

const pair = (...values: number[]): Tensors => ({ x: float32(Float32Array.from(values), [values.length / 2, 2]) });

/** `float32 2x2: 0 2 3 0` */
const show = ({ type, dims, data }: Tensor): string =>
  `${type} ${dims.join("x")}: ${Array.from(data, String).join(" ")}`;

function showAll(tensors: Tensors): Record<string, string> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, show(tensor)]));
}

async function using<T>(session: Promise<Session>, work: (session: Session) => Promise<T>): Promise<T> {
  const opened = await session;
  try {
    return await work(opened);
  } finally {
    await opened.release();
  }
}

/** The code of the error that a promise ends with, and whether its message is one short line that has `words`. */
async function failure(promise: Promise<unknown>, words = ""): Promise<string> {
  try {
    await promise;
    return "no error";
  } catch (error) {
    if (!isSpinnError(error)) return `not ours: ${error}`;
    const { message } = error;
    if (message.includes("\n") || message.length > 400) return `long: ${message}`;
    return message.includes(words) ? error.code : `without ${words}: ${message}`;
  }
}

/** One node that hands its input on. */
function identity(type: DataType): Uint8Array {
  const g = new GraphBuilder();
  g.output(g.op("Identity", [g.input("in", [3], type)], {}, "out"));
  return encodeModel(g.build("identity"));
}

export const runtimeSuite: readonly RuntimeCase[] = [
  {
    name: "a session takes a model message or its bytes and says what goes in and comes out",
    observe: async (createSession) => {
      const both = [];
      for (const model of [twoOutputs(), encodeModel(twoOutputs())]) {
        const run = async (s: Session) => [s.inputNames, s.outputNames, showAll(await s.run(pair(-1, 2, 3, -4)))];
        both.push(await using(createSession(model), run));
      }
      return both;
    },
    expected: Array(2).fill([["x"], ["y", "z"], { y: "float32 2x2: 0 2 3 0", z: "float32 2x2: 0 3 4 -3" }]),
  },
  {
    name: "run() computes only what is fetched",
    observe: (createSession) =>
      using(createSession(twoOutputs()), async (s) => [
        showAll(await s.run(pair(1, 2), ["z"])),
        showAll(await s.run(pair(1, 2), ["z", "y"])),
      ]),
    expected: [{ z: "float32 1x2: 2 3" }, { y: "float32 1x2: 1 2", z: "float32 1x2: 2 3" }],
  },
  {
    name: "every element type crosses the boundary both ways",
    observe: async (createSession) => {
      const tensors: [DataType, Tensor][] = [
        [DataType.FLOAT, float32(Float32Array.of(-1.5, 0, 3), [3])],
        [DataType.DOUBLE, { type: "float64", dims: [3], data: Float64Array.of(0.1, -2, 1e300) }],
        [DataType.UINT8, { type: "uint8", dims: [3], data: Uint8Array.of(0, 128, 255) }],
        [DataType.INT8, { type: "int8", dims: [3], data: Int8Array.of(-128, 0, 127) }],
        [DataType.INT32, { type: "int32", dims: [3], data: Int32Array.of(-5, 0, 7) }],
        [DataType.INT64, int64([-5, 0, 7])],
        [DataType.BOOL, { type: "uint8", dims: [3], data: Uint8Array.of(1, 0, 1) }],
      ];
      const seen = [];
      for (const [type, tensor] of tensors) {
        const out = await using(createSession(identity(type)), (s) => s.run({ in: tensor }));
        seen.push(show(out.out!) === show(tensor) ? "same" : `${show(tensor)} became ${show(out.out!)}`);
      }
      return seen;
    },
    expected: Array(7).fill("same"),
  },
  {
    name: "booleans are bytes, beside other types",
    observe: (createSession) => {
      const g = new GraphBuilder();
      const flags = g.input("flags", [2], DataType.BOOL);
      const numbers = g.input("numbers", [2], DataType.INT64);
      g.output(g.op("Where", [flags, numbers, g.ints([7])], {}, "chosen"));
      g.output(g.op("Greater", [numbers, g.ints([1])], {}, "large"));
      const feeds: Tensors = {
        flags: { type: "uint8", dims: [2], data: Uint8Array.of(1, 0) },
        numbers: int64([1, 2]),
      };
      return using(createSession(g.build("types")), async (s) => showAll(await s.run(feeds)));
    },
    expected: { chosen: "int64 2: 1 7", large: "uint8 2: 0 1" },
  },
  {
    name: "scalars and views into larger buffers are read as what they are",
    observe: async (createSession) => {
      const g = new GraphBuilder();
      const x = g.input("x", [2]);
      g.output(g.op("Mul", [x, g.input("by", [])], {}, "y"));
      const view = Float32Array.of(9, 9, 1, 2, 9).subarray(2, 4);
      const feeds = { x: float32(view, [2]), by: float32(Float32Array.of(3), []) };
      return await using(createSession(g.build("scalar")), async (s) => showAll(await s.run(feeds)));
    },
    expected: { y: "float32 2: 3 6" },
  },
  {
    name: "results are the caller's: neither a later run nor the end of the session changes them, and feeds stay",
    observe: async (createSession) => {
      const session = await createSession(twoOutputs());
      const feeds = pair(1, 2);
      const first = await session.run(feeds);
      await session.run(pair(5, 6));
      await session.release();
      return [showAll(first), showAll(feeds)];
    },
    expected: [{ y: "float32 1x2: 1 2", z: "float32 1x2: 2 3" }, { x: "float32 1x2: 1 2" }],
  },
  {
    name: "many runs at once, on two sessions, each give their own result",
    observe: async (createSession) => {
      const sessions = await Promise.all([createSession(twoOutputs()), createSession(twoOutputs())]);
      const runs = Array.from({ length: 20 }, (_, i) => sessions[i % 2]!.run(pair(i, i + 1), ["z"]));
      const results = (await Promise.all(runs)).map(({ z }) => Array.from(z!.data, Number));
      await Promise.all(sessions.map((s) => s.release()));
      return results;
    },
    expected: Array.from({ length: 20 }, (_, i) => [i + 1, i + 2]),
  },
  {
    name: "every level of optimisation computes the same",
    observe: async (createSession) => {
      const levels: NonNullable<SessionOptions["optimization"]>[] = ["none", "basic", "extended", "all"];
      const model = toyProgressive();
      const x = toyInput(1);
      const seen: number[][] = [];
      for (const optimization of levels)
        seen.push(
          Array.from((await using(createSession(model, { optimization }), (s) => s.run(x))).logits!.data, Number),
        );
      return seen.map((values) => values.every((value, i) => Math.abs(value - seen[0]![i]!) < 1e-5));
    },
    expected: [true, true, true, true],
  },
  {
    name: "DynamicQuantizeLinear is the codec's quantisation, bit for bit",
    observe: async (createSession) => {
      const g = new GraphBuilder();
      const count = 4099; // no multiple of what vector instructions like
      const nodes = g.ops("DynamicQuantizeLinear", [g.input("x", [count])], 3);
      for (const name of nodes) g.output(name);
      const session = await createSession(g.build("quantize"));
      const seen = [];
      for (const [seed, low] of [
        [1, 0],
        [2, -3],
        [3, -100],
      ] as const) {
        const rng = createRng(seed);
        const values = Float32Array.from({ length: count }, () => Math.max(low, rng() * 12 - 6));
        const out = await session.run({ x: float32(values, [count]) });
        const [y, scale, zeroPoint] = nodes.map((name) => out[name]!.data) as [Uint8Array, Float32Array, Uint8Array];
        const ours = chooseQuantization(values);
        const bytes = quantize(values, ours);
        const differing = bytes.reduce((sum, byte, i) => sum + Number(byte !== y[i]), 0);
        seen.push([differing, scale[0] === ours.scale, zeroPoint[0] === ours.zeroPoint]);
      }
      await session.release();
      return seen;
    },
    expected: Array(3).fill([0, true, true]),
  },
  {
    name: "a network in slices computes what the whole does, entered and left at every cut",
    observe: async (createSession) => {
      const model = toyProgressive();
      const feeds = toyInput(2);
      const whole = await using(createSession(model), (s) => s.run(feeds));
      const network = await openSlicedNetwork(model, { createSession });
      const { cuts, exits } = network.info;
      let largest = 0;
      let compared = 0;
      for (const { id } of cuts) {
        let state: BoundaryState = { cut: "input", tensors: feeds, portable: true };
        for (const end of id === "input" || id === "none" ? ["none"] : [id, "none"]) {
          for (const step of stepsBetween(network.info, state.cut, end, [1, 1, 1])) {
            const result = await network.run(state, step, true);
            state = result.state;
            if (step.exit === undefined) continue;
            const expected = whole[exits[step.exit]!.output]!.data;
            result.logits!.forEach((value, i) => {
              largest = Math.max(largest, Math.abs(value - Number(expected[i])));
            });
            compared++;
          }
        }
      }
      await network.release();
      return [compared === cuts.length * exits.length, largest < 1e-4];
    },
    expected: [true, true],
  },
  {
    name: "what is no model, or has an operator that nobody knows, is refused in one line",
    observe: async (createSession) => {
      const broken = twoOutputs();
      broken.graph!.node[0]!.opType = "NoSuchOperator";
      return [
        await failure(createSession(Uint8Array.of(1, 2, 3))),
        await failure(createSession(broken), "NoSuchOperator"),
        await failure(createSession(twoOutputs(), { executionProviders: ["nonsense"] }), "nonsense. This "),
      ];
    },
    expected: ["InvalidModel", "Runtime", "Runtime"],
  },
  {
    name: "a missing, misshapen, mistyped or unknown tensor fails, and the session goes on",
    observe: (createSession) =>
      using(createSession(twoOutputs()), async (s) => [
        await failure(s.run({}), "'x'"),
        await failure(s.run({ x: float32(new Float32Array(3), [1, 3]) })),
        await failure(s.run({ x: int64([1, 2], [1, 2]) })),
        await failure(s.run({ x: { ...float32(new Float32Array(2), [1, 2]), dims: [5] } }), '"x"'),
        await failure(s.run(pair(1, 2), ["nothing"])),
        showAll(await s.run(pair(1, 2), ["z"])),
      ]),
    expected: ["Runtime", "Runtime", "Runtime", "Runtime", "Runtime", { z: "float32 1x2: 2 3" }],
  },
  {
    name: "a released session fails; releasing it twice does nothing",
    observe: async (createSession) => {
      const [gone, other] = await Promise.all([createSession(twoOutputs()), createSession(twoOutputs())]);
      await gone.release();
      await gone.release();
      const seen = [await failure(gone.run(pair(1, 2))), showAll(await other.run(pair(1, 2), ["z"]))];
      await other.release();
      return seen;
    },
    expected: ["Runtime", { z: "float32 1x2: 2 3" }],
  },
];

function toyInput(batch: number): Record<string, Tensor> {
  const rng = createRng(5);
  return {
    input: float32(
      Float32Array.from({ length: batch * 192 }, () => rng() * 4 - 2),
      [batch, 3, 8, 8],
    ),
  };
}
