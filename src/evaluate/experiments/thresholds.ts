// Accuracy and exit rates against the threshold (the paper's Figs. 3 and 4), replayed on what the exits said of every image.

import { accuracies, policyOutcome } from "../../progressive/policy-outcome.ts";
import type { Panel } from "../report/figure.ts";
import type { Experiment, LabNetwork } from "./experiment.ts";

const THRESHOLDS = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1];
const SHOWN = [0.6, 0.8, 0.9, 1];

export const thresholds: Experiment = {
  question: "accuracy and exit rates against the threshold (Figs. 3 and 4)",
  async run({ networks }) {
    return {
      figures: [
        {
          id: "thresholds",
          title: "Accuracy and exit rates against the threshold",
          says: `${networks.map(say).join("; ")}.`,
          basis: "measured",
          paper:
            "Figs. 3 and 4: ResNet-56 on CIFAR-100 from 70.7 % at 0.6 to 74.1 % at 1, with 72.0 % by the last exit alone; at 0.8, 80 % of the images leave early.",
          panels: networks.flatMap(panels),
        },
      ],
      notes: [
        "Nobody confident: the most confident exit answers, as in the paper. With early exits that are weak and sure of themselves, that costs accuracy at threshold 1.",
      ],
    };
  },
};

function outcomeAt({ profile, exits }: LabNetwork, threshold: number): ReturnType<typeof policyOutcome> {
  return policyOutcome(
    profile.model.record,
    threshold,
    exits.map(({ flopsFraction }) => flopsFraction),
  );
}

function say(network: LabNetwork): string {
  const { top1, meanFlopsFraction, exitRates } = outcomeAt(network, 0.8);
  const last = accuracies(network.profile.model.record).at(-1)!;
  const early = 100 * (1 - exitRates.at(-1)!);
  return `${network.name}: at threshold 0.8, ${early.toFixed(0)} % of the images leave early, for ${(100 * meanFlopsFraction).toFixed(0)} % of the multiply-adds and ${(100 * top1).toFixed(1)} % right answers (last exit alone ${(100 * last).toFixed(1)} %)`;
}

function panels(network: LabNetwork): Panel[] {
  const outcomes = THRESHOLDS.map((threshold) => ({ threshold, ...outcomeAt(network, threshold) }));
  const last = accuracies(network.profile.model.record).at(-1)!;
  return [
    {
      kind: "lines",
      title: `${network.name}: accuracy`,
      x: { label: "threshold" },
      y: { label: "top-1 in %" },
      series: [
        { name: "one threshold for all exits", points: outcomes.map((o) => ({ x: o.threshold, y: 100 * o.top1 })) },
      ],
      levels: [{ name: "last exit alone", y: 100 * last }],
    },
    {
      kind: "lines",
      title: `${network.name}: images that have left`,
      x: { label: "multiply-adds up to the exit, in % of all", from: 0, to: 100 },
      y: { label: "% of images", from: 0, to: 100 },
      series: outcomes
        .filter(({ threshold }) => SHOWN.includes(threshold))
        .map(({ threshold, exitRates }) => {
          let left = 0;
          const points = network.exits.map(({ flopsFraction }, exit) => {
            left += exitRates[exit]!;
            return { x: 100 * flopsFraction, y: 100 * left };
          });
          return { name: `threshold ${threshold}`, points };
        }),
    },
  ];
}
