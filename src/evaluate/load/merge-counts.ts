// Counts of several devices as one.

import type { LoadCounts } from "./load-plan.ts";

export function mergeCounts(all: readonly LoadCounts[]): LoadCounts {
  const sum = (of: (counts: LoadCounts) => number): number => all.reduce((total, counts) => total + of(counts), 0);
  return {
    requests: sum((c) => c.requests),
    answered: sum((c) => c.answered),
    own: sum((c) => c.own),
    refused: sum((c) => c.refused),
    late: sum((c) => c.late),
    lost: sum((c) => c.lost),
    wrong: sum((c) => c.wrong),
    latenciesMs: all.flatMap((c) => c.latenciesMs),
    problems: all.flatMap((c) => c.problems).slice(0, 5),
  };
}
