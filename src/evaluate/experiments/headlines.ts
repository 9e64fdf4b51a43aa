// The headlines of all experiments together, and each held against what was wanted of it.

import type { HeadlineRow } from "../report/page.ts";
import type { ExperimentResult, Headline, Headlines } from "./experiment.ts";

/** Of several experiments with the same headline the better one counts; of what is worst, the worst. */
export function gatherHeadlines(results: readonly ExperimentResult[]): Partial<Headlines> {
  let all: Partial<Headlines> = {};
  for (const { headlines = {} } of results) {
    const { throughputGain = all.throughputGain, worstThroughputRatio = Number.POSITIVE_INFINITY } = headlines;
    const worst = Math.min(worstThroughputRatio, all.worstThroughputRatio ?? Number.POSITIVE_INFINITY);
    all = {
      ...all,
      ...headlines,
      ...(throughputGain && { throughputGain: better(all.throughputGain, throughputGain) }),
      ...(worst < Number.POSITIVE_INFINITY && { worstThroughputRatio: worst }),
    };
  }
  return all;
}

const better = (a: Headline | undefined, b: Headline): Headline => (a && a.value >= b.value ? a : b);

/** Those that were found. */
export function headlineRows(found: Partial<Headlines>): HeadlineRow[] {
  const { throughputGain, worstThroughputRatio, serverCostReduction, accuracyGain } = found;
  const { failureDropPoints, estimate, adaptation } = found;
  const rows: (HeadlineRow | undefined)[] = [
    throughputGain && {
      what: "throughput over the better of Neurosurgeon and Edgent",
      ...{ paper: "up to 2 times", wanted: "2.0 times" },
      ...{ found: `${throughputGain.value.toFixed(2)} times`, where: throughputGain.where },
      isReached: throughputGain.value >= 2,
    },
    worstThroughputRatio === undefined
      ? undefined
      : {
          what: "the same, anywhere in the sweeps",
          ...{ paper: "never slower", wanted: "0.98 times at least" },
          ...{ found: `${worstThroughputRatio.toFixed(2)} times`, where: "bandwidth and server load" },
          isReached: worstThroughputRatio >= 0.98,
        },
    serverCostReduction && {
      what: "server time below Neurosurgeon's, at equal or better accuracy and latency",
      ...{ paper: "up to 6.8 times", wanted: "6.8 times" },
      ...{ found: `${serverCostReduction.value.toFixed(1)} times`, where: serverCostReduction.where },
      isReached: serverCostReduction.value >= 6.8,
    },
    accuracyGain && {
      what: "accuracy above Edgent's under a bound on latency",
      ...{ paper: "up to 20.7 points", wanted: "20.7 points" },
      ...{ found: `${accuracyGain.value.toFixed(1)} points`, where: accuracyGain.where },
      isReached: accuracyGain.value >= 20.7,
    },
    failureDropPoints === undefined
      ? undefined
      : {
          what: "accuracy lost with half of all requests lost, late split",
          ...{ paper: "2 points (ResNet-56)", wanted: "5 points at most" },
          ...{ found: `${failureDropPoints.toFixed(1)} points`, where: "worst of all networks" },
          isReached: failureDropPoints <= 5,
        },
    estimate && {
      what: `estimate against measurement, ${estimate.settings} settings: median error of mean and p95, largest of accuracy`,
      ...{ paper: "not given", wanted: "8 %, 15 %, 1 point" },
      found: `${(100 * estimate.meanErrorMedian).toFixed(1)} %, ${(100 * estimate.p95ErrorMedian).toFixed(1)} %, ${estimate.accuracyErrorMax.toFixed(2)} points`,
      where: "two processes, emulated link",
      isReached:
        estimate.settings >= 40 &&
        estimate.meanErrorMedian <= 0.08 &&
        estimate.p95ErrorMedian <= 0.15 &&
        estimate.accuracyErrorMax <= 1,
    },
    adaptation && {
      what: "adaptation: longest until the agreement is met again, most plan changes, changes for nothing",
      ...{ paper: "not given", wanted: "3 s, 2, 0" },
      found: `${(adaptation.worstRecoveryMs / 1000).toFixed(1)} s, ${adaptation.mostPlanChanges}, ${adaptation.idlePlanChanges}`,
      where: "two processes, emulated link",
      isReached:
        adaptation.worstRecoveryMs <= 3000 && adaptation.mostPlanChanges <= 2 && adaptation.idlePlanChanges === 0,
    },
  ];
  return rows.filter((row) => row !== undefined);
}
