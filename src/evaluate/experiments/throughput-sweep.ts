// Throughput of all policies over a sweep, one image at a time and pipelined, and how far ours is ahead of the better of
// Neurosurgeon and Edgent (the paper's Figs. 7 and 8 and its first headline).

import { type Conditions, type PolicyName, policies, type Sla } from "../../scheduler/index.ts";
import type { AxisSpec, LinePanel, Series } from "../report/figure.ts";
import { ACCURACY_TOLERANCE, finalAccuracy, type Outcome, PIPELINE_DEPTH, tryPolicy } from "./compare.ts";
import type { Headline, Lab, LabNetwork } from "./experiment.ts";

export interface Sweep {
  readonly points: readonly { readonly x: number; readonly conditions: Conditions }[];
  readonly axis: AxisSpec;
  /** A point in words: `at 4 Mbit/s`. */
  readonly where: (x: number) => string;
}

export interface SweepFindings {
  readonly panels: readonly LinePanel[];
  /** The largest where ours kept the accuracy that was asked for, on images that it did not plan by; else the least. */
  readonly gain: Headline;
  /** The least anywhere. */
  readonly worst: Headline;
  /** The largest share of right answers that ours gave up against the last exit, on images that it did not plan by. */
  readonly accuracyLoss: number;
}

const SHOWN: readonly PolicyName[] = [
  "device-only",
  "server-only",
  "neurosurgeon",
  "edgent",
  "spinn-no-exits",
  "spinn",
  "ours",
];

interface Found {
  readonly x: number;
  readonly outcomes: readonly Outcome[];
}

interface Mode {
  readonly title: string;
  readonly inFlight: number;
  readonly prefer: NonNullable<Sla["prefer"]>;
}

const MODES: readonly Mode[] = [
  { title: "one image after the other", inFlight: 1, prefer: [{ aim: "min", metric: "latency.mean" }] },
  { title: "pipelined", inFlight: PIPELINE_DEPTH, prefer: [{ aim: "max", metric: "throughput" }] },
];

export async function sweepThroughput(lab: Lab, { points, axis, where }: Sweep): Promise<SweepFindings> {
  const panels: LinePanel[] = [];
  const ratios: (Headline & { readonly isAccurate: boolean })[] = [];
  let accuracyLoss = 0;
  const total = lab.networks.length * MODES.length * points.length;
  let done = 0;
  for (const network of lab.networks) {
    let alone: readonly Found[] = [];
    for (const { title, inFlight, prefer } of MODES) {
      const sla = (accuracy: number): Sla => {
        return { require: [{ metric: "accuracy", op: ">=", value: accuracy - ACCURACY_TOLERANCE }], prefer };
      };
      const found: Found[] = [];
      for (const { x, conditions } of points) {
        await lab.progress(`${network.name}, ${title}`, done++ / total);
        const situation = { network, conditions, sla, seed: lab.seed };
        const arrivals = { kind: "closed", inFlight } as const;
        found.push({ x, outcomes: SHOWN.map((policy) => tryPolicy(policy, { ...situation, arrivals })) });
      }
      if (inFlight === 1) alone = found;
      panels.push({
        kind: "lines",
        title: `${network.name}, ${title}`,
        x: axis,
        y: { label: "inferences per second", from: 0 },
        series: seriesOf(found, ({ throughput }) => throughput),
      });
      for (const { x, outcomes } of found) {
        const loss = finalAccuracy(network) - byName(outcomes, "ours").accuracy;
        const isAccurate = loss <= ACCURACY_TOLERANCE;
        ratios.push({ ...lead(outcomes), where: `${network.name}, ${title}, ${where(x)}`, isAccurate });
        accuracyLoss = Math.max(accuracyLoss, loss);
      }
    }
    panels.push(accuracyPanel(network, axis, alone));
  }
  const ordered = ratios.sort((a, b) => a.value - b.value).map(({ isAccurate, ...lead }) => ({ lead, isAccurate }));
  const gain = ordered.findLast(({ isAccurate }) => isAccurate) ?? ordered[0]!;
  return { panels, gain: gain.lead, worst: ordered[0]!.lead, accuracyLoss };
}

/** Ours over the better of the two. */
function lead(outcomes: readonly Outcome[]): Omit<Headline, "where"> {
  const rivals = (["neurosurgeon", "edgent"] as const).map((name) => byName(outcomes, name));
  const best = rivals.reduce((a, b) => (b.throughput > a.throughput ? b : a));
  return { value: byName(outcomes, "ours").throughput / best.throughput, versus: policies[best.policy].title };
}

const byName = (outcomes: readonly Outcome[], name: PolicyName): Outcome =>
  outcomes.find(({ policy }) => policy === name)!;

function seriesOf(found: readonly Found[], value: (outcome: Outcome) => number): Series[] {
  return SHOWN.map((policy) => ({
    name: policies[policy].title,
    points: found.map(({ x, outcomes }) => ({ x, y: value(byName(outcomes, policy)) })),
  }));
}

/** That speed was not bought with accuracy: what is right, one image after the other. */
function accuracyPanel(network: LabNetwork, axis: AxisSpec, found: readonly Found[]): LinePanel {
  return {
    kind: "lines",
    title: `${network.name}, accuracy (one image after the other)`,
    x: axis,
    y: { label: "top-1 in %, on images that no plan was made by" },
    series: seriesOf(found, ({ accuracy }) => 100 * accuracy),
    levels: [{ name: "last exit alone", y: 100 * finalAccuracy(network) }],
  };
}

/** The finding in a sentence. */
export function sayLead({ gain, worst, accuracyLoss }: SweepFindings): string {
  const lead = `Ours is up to ${gain.value.toFixed(2)} times as fast as the better of Neurosurgeon and Edgent (${gain.where}, against ${gain.versus}), and ${worst.value.toFixed(2)} times in the worst case (${worst.where})`;
  return `${lead}. The first counts only where ours gave up at most ${100 * ACCURACY_TOLERANCE} point of accuracy on images that no plan was made by; elsewhere it gave up ${(100 * accuracyLoss).toFixed(1)} at most.`;
}
