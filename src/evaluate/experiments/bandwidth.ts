// Throughput against the bandwidth of the link (the paper's Fig. 7).

import { linkPresets } from "../link-presets.ts";
import { conditionsOf, FOUR_G, logarithmic } from "./compare.ts";
import type { Experiment } from "./experiment.ts";
import { sayLead, sweepThroughput } from "./throughput-sweep.ts";

export const bandwidth: Experiment = {
  question: "throughput of all policies from 50 kbit/s to 1 Gbit/s (Fig. 7)",
  async run(lab) {
    const points = logarithmic(0.05, 1000, lab.quick ? 7 : 22).map((x) => {
      const bitsPerSecond = x * 1e6;
      const link = { ...FOUR_G, upBitsPerSecond: bitsPerSecond, downBitsPerSecond: bitsPerSecond };
      return { x, conditions: conditionsOf({ link }) };
    });
    const found = await sweepThroughput(lab, {
      points,
      axis: { label: "bandwidth in Mbit/s, both ways", scale: "log" },
      where: (x) => `at ${Number(x.toPrecision(2))} Mbit/s`,
    });
    return {
      figures: [
        {
          id: "bandwidth",
          title: "Throughput against bandwidth",
          says: sayLead(found),
          basis: "simulated",
          paper:
            "Fig. 7: SPINN reaches 1.3 to 1.8 times Neurosurgeon's throughput and 1.02 to 1.4 times Edgent's; its exits, not its split, carry most of that.",
          panels: found.panels,
        },
      ],
      headlines: { throughputGain: found.gain, worstThroughputRatio: found.worst.value },
      notes: [
        `Round trip ${linkPresets["4g"].rttMs} ms. Everybody may be 1 point of accuracy below the network's last exit, and is asked for the least latency or, pipelined, for the most throughput.`,
      ],
    };
  },
};
