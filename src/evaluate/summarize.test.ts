import { expect, test } from "vitest";
import { percentile } from "../percentile.ts";
import type { Answer } from "./device-run.ts";
import { summarize } from "./summarize.ts";

const answer = (changes: Partial<Answer>): Answer => ({
  image: 0,
  correct: true,
  exit: 0,
  source: "device",
  latencyMs: 10,
  deviceMs: 8,
  serverMs: 0,
  bytesUp: 0,
  ...changes,
});

test("what was not answered counts against accuracy, not in the means", () => {
  const answers = [
    answer({ latencyMs: 10 }),
    answer({ latencyMs: 30, exit: 2, source: "server", bytesUp: 900, serverMs: 4, correct: false }),
  ];
  expect(summarize(answers, 4, 3)).toEqual({
    images: 4,
    answered: 2,
    accuracy: 0.25,
    exits: [1, 0, 1],
    sources: { device: 1, server: 1 },
    bytesUpMean: 450,
    latencyMs: { mean: 20, p50: 10, p95: 30 },
    deviceMsMean: 8,
    serverMsMean: 2,
  });
});

test("percentiles are values that occurred", () => {
  const sorted = Array.from({ length: 100 }, (_, i) => i + 1);
  expect([0, 0.5, 0.95, 0.951, 1].map((p) => percentile(sorted, p))).toEqual([1, 50, 95, 96, 100]);
  expect(percentile([], 0.5)).toBeNaN();
});
