// How fast is training? ResNet-20 with six linear heads, joint, batch 128, as a share of what the same cores reach in the
// best case: a 1024x1024 MatMul in the same process, alternated.

import { availableParallelism } from "node:os";
import { usableBlock } from "../src/autodiff/blocked-conv.ts";
import { differentiate } from "../src/autodiff/differentiate.ts";
import { sgdDefaults } from "../src/autodiff/optimizer.ts";
import { addExits, buildArchitecture, shallowDeepTau } from "../src/generator/index.ts";
import { startStepPool } from "../src/generator/step-pool.ts";
import { flattenParameters } from "../src/generator/weights.ts";
import { countMacs, GraphBuilder } from "../src/onnx/index.ts";
import { createRng, normal } from "../src/random.ts";
import { createSession } from "../src/runtime/index.ts";
import { float32 } from "../src/tensor.ts";
import { type BenchOptions, median, spread, writeReport } from "./report.ts";

const BATCH = 128;
const MICRO_BATCH = 32;
const ROUNDS = 12;
const SIDE = 1024;

export async function run(options: BenchOptions): Promise<void> {
  const workers = [4, 2, 1].find((count) => count <= availableParallelism())!;
  const plain = buildArchitecture("resnet20", { classes: 10, seed: 1 });
  const model = addExits(plain, { seed: 1, head: { kind: "linear" } });
  const graph = differentiate(model, { batch: MICRO_BATCH, block: await usableBlock(createSession, ["cpu"]) });
  const pool = await startStepPool(graph, {
    batchSize: BATCH,
    workers,
    optimizer: sgdDefaults,
    averageDecay: 0.999,
    executionProviders: ["cpu"],
  });
  const matmul = await matmulOf(workers);
  try {
    flattenParameters(model, graph, pool.memory.parameters);
    const rng = createRng(1);
    pool.memory.images.forEach((_, i, images) => {
      images[i] = normal(rng);
    });
    for (let i = 0; i < BATCH; i++) pool.memory.targets[i * 10 + (i % 10)] = 1;
    const tau = shallowDeepTau([0.15, 0.3, 0.45, 0.6, 0.75, 0.9], 1, 2);

    const stepSeconds: number[] = [];
    const matmulSeconds: number[] = [];
    for (let round = -2; round < ROUNDS; round++) {
      const stepTime = await seconds(async () => {
        await pool.gradient(tau);
        await pool.update(0.01, round + 3);
      });
      const matmulTime = await matmul.seconds();
      if (round < 0) continue; // warm-up
      stepSeconds.push(stepTime);
      matmulSeconds.push(matmulTime);
      if (!options.json) process.stderr.write(`\rround ${round + 1} of ${ROUNDS}`);
    }
    // Forward, gradient of the inputs, gradient of the weights: three times two operations a multiply-add.
    const gflopAnImage = (6 * countMacs(model).total) / 1e9;
    // Ratio by ratio: what slows the machine for a while slows both halves of a round.
    const stepGflops = stepSeconds.map((s) => (BATCH * gflopAnImage) / s);
    const matmulGflops = matmulSeconds.map((s) => (2 * SIDE ** 3) / 1e9 / s);
    const ratios = stepGflops.map((g, i) => g / matmulGflops[i]!);
    const imagesPerSecond = BATCH / median(stepSeconds);
    const result = {
      imagesPerSecond,
      gflops: median(stepGflops),
      matmulGflops: median(matmulGflops),
      ratio: median(ratios),
    };
    const settings = { workers, batch: BATCH, microBatch: MICRO_BATCH, rounds: ROUNDS, seed: 1 };
    await writeReport("training", options, { result, details: { ...settings, ratioSpread: spread(ratios) } });
  } finally {
    await Promise.all([pool.close(), matmul.close()]);
  }
}

async function matmulOf(threads: number): Promise<{ seconds(): Promise<number>; close(): Promise<void> }> {
  const b = new GraphBuilder(17);
  b.input("a", [SIDE, SIDE]);
  b.input("b", [SIDE, SIDE]);
  b.op("MatMul", ["a", "b"], {}, "c");
  b.output("c");
  const session = await createSession(b.build("matmul"), { threads });
  const rng = createRng(2);
  const random = float32(
    Float32Array.from({ length: SIDE * SIDE }, () => normal(rng)),
    [SIDE, SIDE],
  );
  const repeats = 20;
  return {
    seconds: async () => {
      const all: number[] = [];
      // The first ones find cold caches and sleeping threads: they would flatter the training step.
      for (let i = 0; i < 5; i++) await session.run({ a: random, b: random });
      for (let i = 0; i < repeats; i++) all.push(await seconds(() => session.run({ a: random, b: random })));
      return median(all);
    },
    close: () => session.release(),
  };
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}
