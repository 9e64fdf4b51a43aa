import { expect, test } from "vitest";
import type { ExperimentResult, Headline, Headlines } from "./experiment.ts";
import { gatherHeadlines, headlineRows } from "./headlines.ts";

const headline = (value: number): Headline => ({ value, versus: "Edgent", where: `at ${value}` });
const result = (headlines?: Partial<Headlines>): ExperimentResult => {
  return { figures: [], ...(headlines && { headlines }) };
};

test("of two experiments with one headline the better counts, and of what is worst the worst", () => {
  const first = result({ throughputGain: headline(2.3), worstThroughputRatio: 1.1 });
  const second = result({ throughputGain: headline(1.9), worstThroughputRatio: 1.02 });
  for (const order of [
    [first, result(), second],
    [second, first],
  ])
    expect(gatherHeadlines(order)).toEqual({ throughputGain: headline(2.3), worstThroughputRatio: 1.02 });
});

test("experiments without headlines have none", () => {
  expect(gatherHeadlines([result(), result()])).toEqual({});
  expect(headlineRows({})).toEqual([]);
});

const good: Headlines = {
  throughputGain: headline(2),
  worstThroughputRatio: 0.98,
  serverCostReduction: headline(6.8),
  accuracyGain: headline(20.7),
  failureDropPoints: 5,
  estimate: { settings: 40, meanErrorMedian: 0.08, p95ErrorMedian: 0.15, accuracyErrorMax: 1 },
  adaptation: { worstRecoveryMs: 3000, mostPlanChanges: 2, idlePlanChanges: 0 },
};

test("what is wanted is reached when it is just reached", () => {
  const rows = headlineRows(good);
  expect(rows).toHaveLength(7);
  expect(rows.filter(({ isReached }) => !isReached)).toEqual([]);
});

test.each<[string, Partial<Headlines>]>([
  ["throughput", { throughputGain: headline(1.99) }],
  ["anywhere in the sweeps", { worstThroughputRatio: 0.97 }],
  ["server time", { serverCostReduction: headline(6.7) }],
  ["accuracy above", { accuracyGain: headline(20.6) }],
  ["accuracy lost", { failureDropPoints: 5.1 }],
  ["estimate", { estimate: { ...good.estimate, meanErrorMedian: 0.081 } }],
  ["estimate", { estimate: { ...good.estimate, p95ErrorMedian: 0.151 } }],
  ["estimate", { estimate: { ...good.estimate, accuracyErrorMax: 1.1 } }],
  ["estimate", { estimate: { ...good.estimate, settings: 39 } }],
  ["adaptation", { adaptation: { ...good.adaptation, worstRecoveryMs: 3001 } }],
  ["adaptation", { adaptation: { ...good.adaptation, mostPlanChanges: 3 } }],
  ["adaptation", { adaptation: { ...good.adaptation, idlePlanChanges: 1 } }],
])("%s missed by a little is said", (what, change) => {
  const missed = headlineRows({ ...good, ...change }).filter(({ isReached }) => !isReached);
  expect(missed.map((row) => row.what)).toEqual([expect.stringContaining(what)]);
});
