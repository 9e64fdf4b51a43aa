import { expect, test } from "vitest";
import { type LearningRateSchedule, learningRateAt } from "./learning-rate.ts";

test("cosine rises in a line over the warm-up, then falls along half a wave to zero", () => {
  const schedule: LearningRateSchedule = { kind: "cosine", peak: 0.2, warmupEpochs: 2 };
  const at = (epoch: number): number => learningRateAt(schedule, epoch, 10);
  expect([0, 0.5, 1, 2].map(at)).toEqual([0, 0.05, 0.1, 0.2]);
  expect(at(4)).toBeCloseTo(0.2 * 0.5 * (1 + Math.SQRT1_2), 12);
  expect(at(6)).toBeCloseTo(0.1, 12);
  expect(at(10)).toBeCloseTo(0, 12);
  const path = Array.from({ length: 80 }, (_, i) => at(2 + i / 10));
  expect(path).toEqual([...path].sort((a, b) => b - a));
});

test("cosine without a warm-up starts at its peak", () => {
  expect(learningRateAt({ kind: "cosine", peak: 0.1, warmupEpochs: 0 }, 0, 4)).toBe(0.1);
});

test("steps divide by ten from each milestone on", () => {
  const schedule: LearningRateSchedule = { kind: "steps", peak: 0.1, milestones: [35, 60, 85] };
  const at = (epoch: number): number => learningRateAt(schedule, epoch, 100);
  for (const [epoch, rate] of [
    [0, 0.1],
    [34.99, 0.1],
    [35, 0.01],
    [60, 0.001],
    [99.9, 0.0001],
  ] as const)
    expect(at(epoch)).toBeCloseTo(rate, 12);
});
