// Where the time goes for each place to cut the network, without exits: device, packing, link, unpacking, server.

import type { BarPanel } from "../report/figure.ts";
import { conditionsOf, FOUR_G } from "./compare.ts";
import type { Experiment, LabNetwork } from "./experiment.ts";

const CODEC = "lz4";
/** More bars cannot be read. */
const MOST_BARS = 14;

export const splits: Experiment = {
  question: "device, link and server time for every place to cut (the paper's figure of splits)",
  async run({ networks }) {
    const { uplinkBps, rttMs } = conditionsOf({ link: FOUR_G });
    const panels = networks.map((network) => panelOf(network, uplinkBps, rttMs));
    const best = panels.map(({ title, categories, stacks }) => {
      const totals = categories.map((_, c) => stacks.reduce((sum, { values }) => sum + values[c]!, 0));
      const least = Math.min(...totals);
      return `${title}: ${least.toFixed(0)} ms when cut at ${categories[totals.indexOf(least)]}`;
    });
    return {
      figures: [
        {
          id: "splits",
          title: "Time for each split, without exits",
          says: `What a split saves on the device it pays on the link. ${best.join("; ")}.`,
          basis: "measured and simulated",
          paper: "Packing and unpacking are thin bars beside transfer and computing.",
          panels,
        },
      ],
      notes: [
        "Computing and packing are measured on this machine and multiplied to the paper's device and server; transfer follows from the bytes that were really packed, 24 Mbit/s and 40 ms. Cuts are named by the share of the multiply-adds before them.",
      ],
    };
  },
};

function panelOf({ name, profile, cutShares }: LabNetwork, uplinkBps: number, rttMs: number): BarPanel {
  const { model, device, server } = profile;
  const last = model.cuts.length - 1;
  const open = model.cuts.flatMap(({ codecs }, c) =>
    c === last || codecs.some(({ codec }) => codec === CODEC) ? [c] : [],
  );
  const step = Math.ceil(open.length / MOST_BARS);
  const shown = open.filter((c, i) => i % step === 0 || c === last);
  const sum = (times: readonly { readonly meanMs: number }[]): number => times.reduce((ms, t) => ms + t.meanMs, 0);
  const codecAt = (c: number): number => model.cuts[c]!.codecs.findIndex(({ codec }) => codec === CODEC);
  const meanBytes = (c: number): number => {
    const { bytes } = model.cuts[c]!.codecs[codecAt(c)]!;
    return Array.from(bytes).reduce((total, b) => total + b, 0) / bytes.length;
  };
  const unless = (value: (c: number) => number): number[] => shown.map((c) => (c === last ? 0 : value(c)));
  return {
    kind: "bars",
    title: name,
    y: { label: "milliseconds, one image" },
    categories: shown.map((c) => {
      if (c === last) return "device only";
      return c === 0 ? "input" : `${Math.round(100 * cutShares[c]!)} %`;
    }),
    stacks: [
      { name: "device", values: shown.map((c) => sum(device.steps.slice(0, c))) },
      { name: "packing", values: unless((c) => device.coding[c]![codecAt(c)]!.meanMs) },
      { name: "link", values: unless((c) => rttMs + (meanBytes(c) * 8000) / uplinkBps) },
      { name: "unpacking", values: unless((c) => server.coding[c]![codecAt(c)]!.meanMs) },
      { name: "server", values: unless((c) => sum(server.steps.slice(c))) },
    ],
  };
}
