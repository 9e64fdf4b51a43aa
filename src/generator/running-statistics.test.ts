import { expect, test } from "vitest";
import { toyProgressive } from "../../test/toy.ts";
import { differentiate, type TrainingGraph } from "../autodiff/differentiate.ts";
import { batchStatistics, updateRunning } from "./running-statistics.ts";

/** Two normalisations: of two channels over 5 values each, and of one channel over a single value. */
const graph = {
  statisticsCount: 6,
  statistics: [
    { mean: "m1", variance: "v1", channels: 2, offset: 0, count: 5 },
    { mean: "m2", variance: "v2", channels: 1, offset: 4, count: 1 },
  ],
} as unknown as TrainingGraph;

test("batchStatistics() is the mean over workers, its variances unbiased", () => {
  const shares = [{ statistics: Float32Array.of(1, 2, 4, 8, 3, 7) }, { statistics: Float32Array.of(3, 2, 8, 0, 5, 9) }];
  const before = structuredClone(shares);
  expect([...batchStatistics(graph, shares)]).toEqual([2, 2, 6 * 1.25, 4 * 1.25, 4, 8]);
  expect(shares).toEqual(before);
});

test("updateRunning() moves a tenth of the way", () => {
  const running = Float32Array.of(0, 1, -2, 5);
  updateRunning(running, Float32Array.of(10, 1, 8, 0));
  for (const [i, expected] of [1, 1, -1, 4.5].entries()) expect(running[i]).toBeCloseTo(expected, 6);
});

test("a training graph counts the values behind each channel's statistics", () => {
  const { statistics, statisticsCount } = differentiate(toyProgressive({ width: 4, side: 8 }), { batch: 6 });
  expect(statistics.map(({ mean, variance, channels, count }) => [mean, variance, channels, count])).toEqual([
    ["bn1.running_mean", "bn1.running_var", 4, 6 * 64],
    ["bn2.running_mean", "bn2.running_var", 4, 6 * 64],
    ["bn3.running_mean", "bn3.running_var", 8, 6 * 16],
    ["bn4.running_mean", "bn4.running_var", 8, 6 * 16],
  ]);
  expect(statistics.map((s) => s.offset)).toEqual([0, 8, 16, 32]);
  expect(statisticsCount).toBe(48);
});
