// Energy on the device for each image, by a power model of a phone and its radio (the paper's Fig. 11).

import { type PolicyName, policies, powerModels, type Sla } from "../../scheduler/index.ts";
import type { BarPanel } from "../report/figure.ts";
import { ACCURACY_TOLERANCE, conditionsOf, FOUR_G, type Outcome, tryPolicy } from "./compare.ts";
import type { Experiment, LabNetwork } from "./experiment.ts";

const SHOWN: readonly PolicyName[] = [
  "device-only",
  "device-only-exits",
  "server-only",
  "server-only-exits",
  "neurosurgeon",
  "spinn",
  "ours",
];

export const energy: Experiment = {
  question: "energy on the device for each image (Fig. 11)",
  async run({ networks, seed, progress }) {
    const found: { network: LabNetwork; outcomes: Outcome[] }[] = [];
    for (const [n, network] of networks.entries()) {
      await progress(network.name, n / networks.length);
      const sla = (accuracy: number): Sla => ({
        require: [{ metric: "accuracy", op: ">=", value: accuracy - ACCURACY_TOLERANCE }],
        prefer: [{ aim: "min", metric: "energy" }],
      });
      const situation = { network, conditions: conditionsOf({ link: FOUR_G }), sla, seed };
      found.push({ network, outcomes: SHOWN.map((policy) => tryPolicy(policy, situation)) });
    }
    const { computeW, waitW, uplinkW, uplinkWPerMbps } = powerModels.lte;
    return {
      figures: [
        {
          id: "energy",
          title: "Energy on the device",
          says: `${found.map(say).join("; ")}.`,
          basis: "simulated",
          paper:
            "Fig. 11, Inception-v3: device only 283 mJ, with exits 190 mJ, server only 1000 mJ: exits on the device are the cheapest of all.",
          panels: found.map(panelOf),
        },
      ],
      notes: [
        `Not measured: computing takes ${computeW} W (our assumption, one large phone core), the LTE radio ${uplinkW} W and ${uplinkWPerMbps} W for each Mbit/s while sending and ${waitW} W while waiting (Huang et al., MobiSys 2012). 4G link.`,
      ],
    };
  },
};

function say({ network, outcomes }: { network: LabNetwork; outcomes: readonly Outcome[] }): string {
  const of = (name: PolicyName): number => outcomes.find(({ policy }) => policy === name)!.energyMj;
  return `${network.name}: ours takes ${of("ours").toFixed(0)} mJ, device only ${of("device-only").toFixed(0)}, server only ${of("server-only").toFixed(0)}`;
}

function panelOf({ network, outcomes }: { network: LabNetwork; outcomes: readonly Outcome[] }): BarPanel {
  const computing = outcomes.map(({ deviceMs }) => powerModels.lte.computeW * deviceMs);
  return {
    kind: "bars",
    title: network.name,
    y: { label: "mJ for each image" },
    categories: outcomes.map(({ policy }) => policies[policy].title),
    stacks: [
      { name: "computing", values: computing },
      { name: "radio", values: outcomes.map(({ energyMj }, i) => energyMj - computing[i]!) },
    ],
  };
}
