// What server time and which accuracy an agreement on latency costs (the paper's Fig. 9, and two of its headlines).

import { type Conditions, policies, type Sla } from "../../scheduler/index.ts";
import { linkPresets } from "../link-presets.ts";
import type { LinePanel } from "../report/figure.ts";
import { conditionsOf, FOUR_G, logarithmic, type Outcome, tryPolicy } from "./compare.ts";
import type { Experiment, Headline, Lab, LabNetwork } from "./experiment.ts";

/** Latency that is agreed on, in % of device only's. */
const PERCENTS = Array.from({ length: 37 }, (_, i) => 10 + 2.5 * i);

/** Devices by how many times as fast they are as the paper's slowest, and their links. */
const PLACES = [
  { name: "slow device, 4G", deviceSpeed: 1, link: FOUR_G },
  { name: "device three times as fast, 4G", deviceSpeed: 3, link: FOUR_G },
  { name: "slow device, Wi-Fi", deviceSpeed: 1, link: linkPresets.wifi },
  { name: "slow device, cable", deviceSpeed: 1, link: linkPresets.cable },
] as const;

const POLICIES = ["neurosurgeon", "edgent", "spinn", "ours"] as const;
type Shown = (typeof POLICIES)[number];
type Outcomes = Readonly<Record<Shown, Outcome>>;

/** Beyond what is agreed on, of the latency: whoever plans by other images does not hit it to the digit. */
const SLACK = 1.03;
/** Accuracies that are nearer to each other count as equal, as in agreements: six images of three thousand. */
const EQUAL_ACCURACY = 0.002;
/** Whoever needs next to nothing of the server, or nothing, needs so many times less of it. */
const MOST_TIMES = 100;

export const latencySla: Experiment = {
  question: "server time and accuracy against an agreement on latency (Fig. 9)",
  async run(lab) {
    const costs: Headline[] = [];
    const gains: Headline[] = [];
    const panels: LinePanel[] = [];
    const equal: LinePanel[] = [];
    for (const network of lab.networks) {
      for (const place of PLACES) panels.push(...(await sweepAgreements(lab, network, place, gains)));
      equal.push(...(await sweepLinks(lab, network, costs)));
    }
    const best = (found: readonly Headline[], none: Headline): Headline =>
      found.reduce((a, b) => (b.value > a.value ? b : a), none);
    const serverCostReduction = best(costs, { value: 1, versus: policies.neurosurgeon.title, where: "nowhere" });
    const accuracyGain = best(gains, { value: 0, versus: policies.edgent.title, where: "nowhere" });
    return {
      figures: [
        {
          id: "latency-sla",
          title: "Server time and accuracy under an agreement on latency",
          says: `Under the same bound on mean latency, ours is right ${accuracyGain.value.toFixed(1)} points more often than Edgent (${accuracyGain.where}).`,
          basis: "simulated",
          paper:
            "Fig. 9: at 70 % of device only's latency SPINN takes 3.3 ms of the server, Neurosurgeon 22.5; MobileNetV2 is right in 56 % of all cases where Edgent is in 35 %.",
          panels,
        },
        {
          id: "equal-service",
          title: "Server time at Neurosurgeon's own latency",
          says: sayCost(serverCostReduction),
          basis: "simulated",
          paper: "The paper's 6.8 times is 22.5 ms over 3.3 ms, with an agreement that both keep.",
          panels: equal,
        },
      ],
      headlines: { serverCostReduction, accuracyGain },
      notes: [
        `No less accurate: by less than ${100 * EQUAL_ACCURACY} points at most, on images that no plan was made by.`,
        "SPINN and ours are asked for the bound on mean latency first, then for the accuracy of the network's last exit, then for the least server time; Edgent for the most accurate exit within the bound; Neurosurgeon knows no bounds.",
      ],
    };
  },
};

function sayCost({ value, where }: Headline): string {
  if (value <= 1) return "Given Neurosurgeon's latency, ours needs nowhere less of the server at its accuracy.";
  const times = value >= MOST_TIMES ? `at least ${MOST_TIMES}` : value.toFixed(1);
  return `Given Neurosurgeon's latency, ours is no slower and no less accurate, on images that no plan was made by, with ${times} times less of the server (${where}).`;
}

async function sweepAgreements(
  lab: Lab,
  network: LabNetwork,
  { name, deviceSpeed, link }: (typeof PLACES)[number],
  gains: Headline[],
): Promise<LinePanel[]> {
  const conditions = conditionsOf({ link, deviceSpeed });
  const situation = { network, conditions, seed: lab.seed };
  const deviceMs = tryPolicy("device-only", { ...situation, sla: () => ({}) }).latencyMs;
  const title = `${network.name}, ${name}`;
  const found: { x: number; outcomes: Outcomes }[] = [];
  for (const x of lab.quick ? PERCENTS.filter((_, i) => i % 12 === 0) : PERCENTS) {
    await lab.progress(title, x / 100);
    const boundMs = (deviceMs * x) / 100;
    const sla = (accuracy: number): Sla => ({
      require: [
        { metric: "latency.mean", op: "<=", value: boundMs },
        { metric: "accuracy", op: ">=", value: accuracy },
      ],
      prefer: [{ aim: "min", metric: "server-cost" }],
    });
    const outcomes = everybody({ ...situation, sla });
    const { ours, edgent } = outcomes;
    if (ours.latencyMs <= SLACK * boundMs)
      gains.push({
        value: 100 * (ours.accuracy - edgent.accuracy),
        versus: policies.edgent.title,
        where: `${title}, ${x} % of device only's latency`,
      });
    found.push({ x, outcomes });
  }
  const lines = (what: string, label: string, value: (o: Outcome) => number): LinePanel => ({
    kind: "lines",
    title: `${title}: ${what}`,
    x: { label: "agreed latency in % of device only's" },
    y: { label, from: 0 },
    series: POLICIES.map((policy) => ({
      name: policies[policy].title,
      // who breaks the agreement has no point
      points: found
        .filter(({ x, outcomes }) => outcomes[policy].latencyMs <= (SLACK * deviceMs * x) / 100)
        .map(({ x, outcomes }) => ({ x, y: value(outcomes[policy]) })),
    })),
  });
  return [
    lines("server time", "ms of the server for each image", ({ serverMs }) => serverMs),
    lines("accuracy", "top-1 in %", ({ accuracy }) => 100 * accuracy),
  ];
}

/** Over bandwidths: ours is given Neurosurgeon's latency, and keeps its accuracy with as little of the server as it can. */
async function sweepLinks(lab: Lab, network: LabNetwork, costs: Headline[]): Promise<LinePanel[]> {
  const points: { x: number; neurosurgeon: Outcome; ours: Outcome }[] = [];
  for (const x of logarithmic(0.4, 10, lab.quick ? 5 : 24)) {
    await lab.progress(`${network.name}, equal service`, x / 10);
    const link = { ...FOUR_G, upBitsPerSecond: x * 1e6, downBitsPerSecond: x * 1e6 };
    const situation = { network, conditions: conditionsOf({ link }), seed: lab.seed };
    const rival = tryPolicy("neurosurgeon", { ...situation, sla: () => ({}) });
    const boundMs = rival.latencyMs / SLACK;
    const sla = (accuracy: number): Sla => ({
      require: [
        { metric: "latency.mean", op: "<=", value: boundMs },
        { metric: "accuracy", op: ">=", value: accuracy },
      ],
      prefer: [{ aim: "min", metric: "server-cost" }],
    });
    const ours = tryPolicy("ours", { ...situation, sla });
    const isNoWorse = ours.accuracy >= rival.accuracy - EQUAL_ACCURACY && ours.latencyMs <= rival.latencyMs;
    if (isNoWorse && rival.serverMs > 0)
      costs.push({
        value: Math.min(MOST_TIMES, rival.serverMs / ours.serverMs),
        versus: policies.neurosurgeon.title,
        where: `${network.name}, slow device, ${Number(x.toPrecision(2))} Mbit/s`,
      });
    points.push({ x, neurosurgeon: rival, ours });
  }
  const line = (key: "neurosurgeon" | "ours", value: (outcome: Outcome) => number) => ({
    name: policies[key].title,
    points: points.map((point) => ({ x: point.x, y: value(point[key]) })),
  });
  const lines = (what: string, label: string, value: (outcome: Outcome) => number): LinePanel => ({
    kind: "lines",
    title: `${network.name}: ${what}`,
    x: { label: "bandwidth in Mbit/s, both ways", scale: "log" },
    y: { label },
    series: [line("neurosurgeon", value), line("ours", value)],
  });
  return [
    lines("server time", "ms of the server for each image", ({ serverMs }) => serverMs),
    lines("accuracy", "top-1 in %, on images that no plan was made by", ({ accuracy }) => 100 * accuracy),
    lines("latency", "mean ms", ({ latencyMs }) => latencyMs),
  ];
}

function everybody(situation: {
  network: LabNetwork;
  conditions: Conditions;
  seed: number;
  sla: (accuracy: number) => Sla;
}): Outcomes {
  const all = POLICIES.map((policy) => [policy, tryPolicy(policy, situation)] as const);
  return Object.fromEntries(all) as Record<Shown, Outcome>;
}
