// Accuracy and latency when the server fails (the paper's Figs. 12 and 13).

import { NOT_ASKED, type Plan } from "../../scheduler/index.ts";
import type { LinePanel, Series } from "../report/figure.ts";
import type { Failures } from "../simulate.ts";
import { conditionsOf, FOUR_G, playOnce, summaryOf } from "./compare.ts";
import type { Experiment, LabNetwork } from "./experiment.ts";

const PROBABILITIES = [0, 0.1, 0.2, 0.3, 0.4, 0.5];
const THRESHOLD = 0.8;
/** Whoever waits for a server in vain. The paper's baseline: so long follows from its Fig. 13. */
const BASELINE_PATIENCE_MS = 475;
/** With the server expected in some 70 ms, it has failed by then. */
const NOTICED_MS = 150;
/** Cuts by the share of multiply-adds before them. */
const EARLY = 0.3;
const MIDDLE = 0.6;
const LATE = 0.9;

interface Case {
  readonly name: string;
  readonly plan: Plan;
  readonly response: Failures["response"];
  readonly noticedAfterMs: number;
}

export const failures: Experiment = {
  question: "accuracy and latency while the server fails more and more often (Figs. 12 and 13)",
  async run({ networks, seed, progress }) {
    const panels: LinePanel[] = [];
    const drops: { network: string; points: number; kept: number }[] = [];
    for (const [n, network] of networks.entries()) {
      await progress(network.name, n / networks.length);
      const found = casesOf(network).map(({ name, plan, response, noticedAfterMs }) => {
        const outcomes = PROBABILITIES.map((probability) =>
          summaryOf([
            playOnce(network.profile, conditionsOf({ link: FOUR_G }), plan, {
              seed,
              failures: { probability, noticedAfterMs, response },
            }),
          ]),
        );
        return { name, outcomes };
      });
      const lines = (value: (outcome: (typeof found)[number]["outcomes"][number]) => number): Series[] =>
        found.map(({ name, outcomes }) => ({
          name,
          points: outcomes.map((outcome, i) => ({ x: PROBABILITIES[i]!, y: value(outcome) })),
        }));
      const x = { label: "share of requests that the server does not answer" };
      panels.push(
        {
          ...{ kind: "lines", title: `${network.name}: accuracy`, x },
          y: { label: "top-1 in %" },
          series: lines(({ accuracy }) => 100 * accuracy),
        },
        {
          ...{ kind: "lines", title: `${network.name}: latency`, x },
          y: { label: "mean ms", from: 0 },
          series: lines(({ latencyMs }) => latencyMs),
        },
      );
      const drop = (name: string): number => {
        const { outcomes } = found.find((one) => one.name === name)!;
        return 100 * (outcomes[0]!.accuracy - outcomes.at(-1)!.accuracy);
      };
      drops.push({ network: network.name, points: drop(LATE_NAME), kept: drop(HEDGE_NAME) });
    }
    const worst = drops.reduce((a, b) => (b.points > a.points ? b : a));
    return {
      figures: [
        {
          id: "failures",
          title: "When the server fails",
          says: `With half of all requests lost, a late split with the best exit so far costs at most ${worst.points.toFixed(1)} points of accuracy (${worst.network}); a device that goes on computing loses at most ${Math.max(...drops.map(({ kept }) => kept)).toFixed(1)}.`,
          basis: "simulated",
          paper:
            "Figs. 12 and 13, ResNet-56: one exit from 65 % down to 36 %; SPINN from 73 % to 71 % with a late split, from 72.5 % to 68 % with an early one.",
          panels,
        },
      ],
      headlines: { failureDropPoints: Math.max(0, worst.points) },
      notes: [
        `Threshold ${THRESHOLD}, 4G. A failure is noticed after ${NOTICED_MS} ms; the baseline, a network without early exits cut in its middle, waits ${BASELINE_PATIENCE_MS} ms and has no answer then.`,
      ],
    };
  },
};

const LATE_NAME = "late split, best exit so far";
const HEDGE_NAME = "late split, device goes on at once";

function casesOf(network: LabNetwork): Case[] {
  const exits = network.exits.length;
  const exited = new Array<number>(exits).fill(THRESHOLD);
  const whole = exited.map((_, exit) => (exit === exits - 1 ? 0 : NOT_ASKED));
  const plan = (share: number, thresholds: readonly number[]): Plan => {
    return { cut: cutNear(network, share), codec: "lz4", thresholds };
  };
  const soFar = (name: string, share: number): Case => {
    return { name, plan: plan(share, exited), response: "so-far", noticedAfterMs: NOTICED_MS };
  };
  return [
    { name: "one exit", plan: plan(MIDDLE, whole), response: "lose", noticedAfterMs: BASELINE_PATIENCE_MS },
    soFar("early split, best exit so far", EARLY),
    soFar("middle split, best exit so far", MIDDLE),
    soFar(LATE_NAME, LATE),
    { name: HEDGE_NAME, plan: plan(LATE, exited), response: "hedge", noticedAfterMs: NOTICED_MS },
  ];
}

/** The nearest that sends something and has an exit before it. */
function cutNear({ profile, cutShares }: LabNetwork, share: number): string {
  const { cuts } = profile.model;
  const open = cuts.flatMap(({ exitsBefore, codecs }, c) =>
    exitsBefore > 0 && codecs.some(({ codec }) => codec === "lz4") ? [c] : [],
  );
  const nearest = open.reduce((a, b) => (Math.abs(cutShares[b]! - share) < Math.abs(cutShares[a]! - share) ? b : a));
  return cuts[nearest]!.id;
}
