// Slices of an optimised graph do what the whole does, bit for bit; a graph that cannot be cut is not.

import { expect, test } from "vitest";
import { needRealModels, REAL_MODELS, realModel } from "../../test/real-models.ts";
import { runExits } from "../../test/run-exits.ts";
import { largestDifference, randomFeeds, runWith } from "../../test/run-model.ts";
import { toyProgressive } from "../../test/toy.ts";
import { addExits } from "../generator/add-exits.ts";
import { decodeModel } from "../onnx/codec.ts";
import { declaredType, edit, type ModelProto, makeValueInfo } from "../onnx/proto.ts";
import { removeDead } from "../onnx/prune.ts";
import { createSession, optimizeModel } from "../runtime/index.ts";
import { checkSlices } from "./check-slices.ts";
import { describeNetwork } from "./network-info.ts";
import { openSlicedNetwork } from "./open-sliced-network.ts";
import { optimizedSliceGraph, withBoundaryOutputs } from "./optimized-slice-graph.ts";

async function optimize(model: ModelProto): Promise<ModelProto> {
  return decodeModel(await optimizeModel(withBoundaryOutputs(model, describeNetwork(model))));
}

test.for(REAL_MODELS)("%s: all exits bit for bit, one image and two", async (name, { skip }) => {
  needRealModels(skip);
  const model = addExits(realModel(name), { seed: 1, head: { kind: "linear" } });
  const info = describeNetwork(model);
  const optimized = await optimize(model);
  const graph = optimizedSliceGraph(optimized, model, info);
  const whole = await createSession(optimized, { optimization: "none" });
  const network = await openSlicedNetwork(model, { createSession, optimized, info });
  for (const { id } of info.cuts.filter(({ sparse }) => sparse)) expect(graph.live(id, true), id).toBeDefined();
  for (const batch of [1, 2]) {
    const feeds = randomFeeds(model, { batch });
    const expected = await whole.run(
      feeds,
      info.exits.map(({ output }) => output),
    );
    for (const portable of [false, true]) {
      const { logits, states } = await runExits(network, feeds, portable);
      expect(largestDifference(logits, expected)).toBe(0);
      expect(states.every((state) => state.portable)).toBe(portable);
    }
  }
  await Promise.all([whole.release(), network.release()]);
});

/** The toy for one image only. */
function fixedBatch(model: ModelProto): ModelProto {
  const graph = model.graph!;
  const fixed = (info: (typeof graph.input)[number]) => {
    const { elemType, dims } = declaredType(info)!;
    return makeValueInfo(info.name, elemType, [1, ...dims!.slice(1)]);
  };
  return edit(model, { graph: edit(graph, { input: graph.input.map(fixed), output: graph.output.map(fixed) }) });
}

test.for([
  ["blocks that are full", { width: 16 }],
  ["blocks that are not", { width: 12 }],
  ["a number of channels that the runtime has no way into", { width: 6 }],
] as const)("channels in %s: every cut, entered in its own layout or as a sent one", async ([, options]) => {
  const model = toyProgressive(options);
  const optimized = await optimize(model);
  const feeds = randomFeeds(model);
  const expected = await runWith(model, feeds);
  const network = await openSlicedNetwork(model, { createSession, optimized });
  for (const { id } of network.info.cuts.slice(1, -1)) {
    for (const portable of [false, true]) {
      const start = { cut: "input", tensors: feeds, portable: true };
      const { state } = await network.run(start, { from: "input", to: id }, portable);
      const { logits } = await runExits(network, state, portable);
      for (const [output, found] of Object.entries(logits))
        expect(largestDifference({ found }, { found: expected[output]! }), `${id} ${output}`).toBeLessThan(1e-5);
    }
  }
  await network.release();
});

test("a network with a fixed batch", async () => {
  const model = fixedBatch(toyProgressive({ width: 16 }));
  await checkSlices(model, { createSession, optimized: await optimize(model) });
});

test("slices that compute something else are found out", async () => {
  const model = toyProgressive({ width: 16 });
  const other = await optimize(toyProgressive({ width: 16, seed: 2 }));
  await expect(checkSlices(model, { createSession, optimized: other })).rejects.toMatchObject({
    code: "Runtime",
    message: expect.stringMatching(/something else at exit1/),
  });
});

test("where an output is missing or something else is needed, the graph cannot be cut", async () => {
  const model = toyProgressive({ width: 16 });
  const info = describeNetwork(model);
  const optimized = await optimize(model);
  const graph = optimized.graph!;
  const without = removeDead(
    edit(optimized, { graph: edit(graph, { output: graph.output.filter((o) => o.name !== "relu3") }) }),
  );
  expect(optimizedSliceGraph(optimized, model, info).live("relu3", true)).toEqual(["relu3"]);
  expect(optimizedSliceGraph(without, model, info).live("relu3", true)).toBeUndefined();
  expect(optimizedSliceGraph(without, model, info).live("nowhere", true)).toBeUndefined();
  // the last linear layer reads the input, too: nothing in between is enough
  const node = graph.node.map((n) =>
    n.output[0] === "logits" ? edit(n, { input: ["input", ...n.input.slice(1)] }) : n,
  );
  const leaking = optimizedSliceGraph(edit(optimized, { graph: edit(graph, { node }) }), model, info);
  expect(leaking.live("relu3", false)).toBeUndefined();
  expect(leaking.live("input", false)).toEqual(["input"]);
});
