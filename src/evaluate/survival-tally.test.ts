import { expect, test } from "vitest";
import type { InferenceResult } from "../engine/index.ts";
import { Tally } from "./survival-tally.ts";
import type { GivenAnswer, TrueAnswers } from "./true-answers.ts";

const expected: TrueAnswers = {
  images: 1,
  whatIsWrong: (_image, _thresholds, { exit }: GivenAnswer) => (exit === 1 ? "everything" : undefined),
};
const answer = (exit: number, source: "device" | "server"): InferenceResult =>
  ({ exit, classIndex: 0, confidence: 1, source }) as unknown as InferenceResult;

test("counts what is late, wrong and missing, and says the first few in words", () => {
  const tally = new Tally({ inferences: 24, deadlineMs: 100, expected, thresholds: [] });
  for (let i = 0; i < 19; i++) tally.answered(0, answer(0, "device"), i);
  tally.answered(0, answer(0, "server"), 120);
  tally.answered(0, answer(0, "server"), 120.5);
  tally.answered(0, answer(1, "server"), 50);
  tally.failed(new Error("no exit\nat all"));
  expect(tally.done).toBe(23);
  expect(tally.remote).toBe(3);
  expect(tally.sum()).toMatchObject({
    inferences: 24,
    answered: 22,
    late: 1,
    wrong: 1,
    sources: { device: 19, server: 3 },
    latencyMs: { p50: 10, max: 120.5 },
    problems: [
      "#21: late: 121 ms, answered by the server, as planned",
      "#22: wrong, from the server: image 0: everything",
      "#23: no answer: no exit",
    ],
  });
});

test("rssGrowth is what memory grew by after the warm-up", () => {
  const rss = process.memoryUsage.rss;
  const tally = new Tally({ inferences: 100, deadlineMs: 100, expected, thresholds: [] });
  try {
    for (let i = 0; i < 100; i++) {
      // climbs until the warm-up is over, then by half
      process.memoryUsage.rss = () => (i < 10 ? i : i < 50 ? 100 : 150);
      tally.answered(0, answer(0, "device"), 1);
    }
  } finally {
    process.memoryUsage.rss = rss;
  }
  expect(tally.sum().rssGrowth).toBe(1.5);
});
