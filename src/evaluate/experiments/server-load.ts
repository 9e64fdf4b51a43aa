// Throughput while others keep the server busy (the paper's Fig. 8).

import { conditionsOf, FOUR_G } from "./compare.ts";
import type { Experiment } from "./experiment.ts";
import { sayLead, sweepThroughput } from "./throughput-sweep.ts";

const LOADS = [1, 1.5, 2, 3, 4, 5, 6, 8, 10];

export const serverLoad: Experiment = {
  question: "throughput of all policies while the server gets up to ten times as slow (Fig. 8)",
  async run(lab) {
    const loads = lab.quick ? LOADS.filter((_, i) => i % 4 === 0) : LOADS;
    const found = await sweepThroughput(lab, {
      points: loads.map((x) => ({ x, conditions: conditionsOf({ link: FOUR_G, serverLoad: x }) })),
      axis: { label: "times as slow as when idle", from: 1 },
      where: (x) => `server ${x} times as slow`,
    });
    return {
      figures: [
        {
          id: "server-load",
          title: "Throughput against the server's load",
          says: sayLead(found),
          basis: "simulated",
          paper:
            "Fig. 8: ResNet-56 from 89 to 16 inferences per second with SPINN, from 46 to 8 with Neurosurgeon, from 50 to 6 with Edgent: twice the better of the two.",
          panels: found.panels,
        },
      ],
      headlines: { throughputGain: found.gain, worstThroughputRatio: found.worst.value },
      notes: [
        "The paper's 4G link: 24 Mbit/s, 40 ms. Edgent plans for an idle server, as it has no term for its load.",
      ],
    };
  },
};
