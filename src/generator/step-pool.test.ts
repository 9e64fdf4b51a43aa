// One training step over several workers: the same gradient however the batch is shared out, and the update that the
// optimiser makes of it.

import { expect, onTestFinished, test } from "vitest";
import { toyProgressive } from "../../test/toy.ts";
import { differentiate, type TrainingGraph } from "../autodiff/differentiate.ts";
import { applyUpdate, sgdDefaults } from "../autodiff/optimizer.ts";
import { createRng, normal } from "../random.ts";
import { type StepPool, type StepPoolOptions, startStepPool } from "./step-pool.ts";
import { flattenParameters } from "./weights.ts";

const BATCH = 12;
const tau = [0.3, 0.6, 1];

/** Batch statistics would tie the images of a micro-batch together. */
const model = toyProgressive({ batchNorm: false });
const graphOfBatch = (batch: number, network = model): TrainingGraph => differentiate(network, { batch });

async function startPool(graph: TrainingGraph, options: Partial<StepPoolOptions>): Promise<StepPool> {
  const pool = await startStepPool(graph, {
    batchSize: BATCH,
    workers: 1,
    optimizer: sgdDefaults,
    averageDecay: 0,
    executionProviders: ["cpu"],
    ...options,
  });
  onTestFinished(() => pool.close());
  return pool;
}

function fill({ memory }: StepPool, network = model, graph = graphOfBatch(4)): void {
  const rng = createRng(9);
  memory.images.forEach((_, i) => {
    memory.images[i] = normal(rng);
  });
  for (let i = 0; i < BATCH; i++) memory.targets[3 * i + (i % 3)] = 1;
  flattenParameters(network, graph, memory.parameters);
}

/** Means over the workers. */
function results({ memory: { shares } }: StepPool): { gradients: number[]; losses: number[]; hits: number[] } {
  const mean = (part: "gradients" | "losses"): number[] =>
    Array.from(shares[0]![part], (_, i) => shares.reduce((sum, s) => sum + s[part][i]!, 0) / shares.length);
  const hits = Array.from(shares[0]!.hits, (_, i) => shares.reduce((sum, s) => sum + s.hits[i]!, 0));
  return { gradients: mean("gradients"), losses: mean("losses"), hits };
}

function expectClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  const scale = Math.max(...expected.map(Math.abs));
  expect(scale).toBeGreaterThan(0);
  expect(Math.max(...actual.map((v, i) => Math.abs(v - expected[i]!))) / scale).toBeLessThan(tolerance);
}

test("the gradient is the same by 1, 2 and 3 workers, with micro-batches of 2, 4 and 12", async () => {
  const compute = async (workers: number, microBatch: number) => {
    const pool = await startPool(graphOfBatch(microBatch), { workers });
    fill(pool);
    await pool.gradient(tau);
    return results(pool);
  };
  const whole = await compute(1, 12);
  for (const [workers, microBatch] of [
    [1, 4],
    [3, 4],
    [2, 2],
  ] as const) {
    const shared = await compute(workers, microBatch);
    expectClose(shared.gradients, whole.gradients, 1e-5);
    expectClose(shared.losses, whole.losses, 1e-5);
    expect(shared.hits).toEqual(whole.hits);
  }
  const one = await compute(1, 4);
  expectClose((await compute(3, 4)).gradients, one.gradients, 1e-6);
});

test("with the same micro-batches, batch statistics do not depend on the workers either", async () => {
  const network = toyProgressive();
  const graph = graphOfBatch(4, network);
  const compute = async (workers: number) => {
    const pool = await startPool(graph, { workers });
    fill(pool, network, graph);
    await pool.gradient(tau);
    const { shares } = pool.memory;
    const statistics = Array.from(shares[0]!.statistics, (_, i) =>
      shares.reduce((sum, s) => sum + s.statistics[i]! / workers, 0),
    );
    return { gradients: results(pool).gradients, statistics };
  };
  const [one, three] = [await compute(1), await compute(3)];
  expectClose(three.gradients, one.gradients, 1e-6);
  expectClose(three.statistics, one.statistics, 1e-6);
});

test("a second step starts from nothing, and two workers update what one would", async () => {
  const graph = graphOfBatch(2);
  const pool = await startPool(graph, { workers: 2, averageDecay: 0.9 });
  fill(pool, model, graph);
  const { memory } = pool;
  memory.average.set(memory.parameters);
  const expected = {
    parameters: memory.parameters.slice(),
    state: [new Float32Array(graph.parameterCount)],
    decayMask: memory.decayMask,
  };
  const average = memory.average.slice();
  for (const step of [1, 2]) {
    await pool.gradient(tau);
    const gradient = Float32Array.from(results(pool).gradients);
    applyUpdate({ ...expected, gradient }, sgdDefaults, 0.1, step, 0, graph.parameterCount);
    await pool.update(0.1, step);
    expect(memory.parameters).toEqual(expected.parameters);
    expect(memory.state).toEqual(expected.state);
    // the average is short at first: 1/11, then 2/12 of it stays
    const stays = step / (step + 10);
    average.forEach((a, i) => {
      average[i] = a + (1 - stays) * (expected.parameters[i]! - a);
    });
    expectClose([...memory.average], [...average], 1e-6);
  }
});

test("weight decay is for filters and matrices alone", async () => {
  const graph = graphOfBatch(12, toyProgressive());
  const { decayMask } = (await startPool(graph, {})).memory;
  const decayed = graph.parameters.filter(({ offset }) => decayMask[offset] === 1).map((p) => p.name);
  expect(decayed).toEqual(
    [1, 2, 3, 4].map((i) => `conv${i}.weight`).concat("linear.weight", "exit1.linear.weight", "exit2.linear.weight"),
  );
  for (const { name, offset, size } of graph.parameters)
    expect(new Set(decayMask.subarray(offset, offset + size)).size, name).toBe(1);
});

test("what cannot be shared out is refused, and so is what the runtime cannot run", async () => {
  await expect(startPool(graphOfBatch(5), {})).rejects.toThrow(RangeError);
  await expect(startPool(graphOfBatch(4), { workers: 2 })).rejects.toThrow(
    "A batch of 12 does not divide into 2 worker(s) x micro-batches of 4: choose a multiple of 8",
  );
  await expect(startPool(graphOfBatch(12), { executionProviders: ["nonsense"] })).rejects.toMatchObject({
    code: "Runtime",
    message: expect.stringMatching(/^[^\n]*nonsense[^\n]*$/),
  });
});
