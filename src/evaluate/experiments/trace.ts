// Adapting to the bandwidth of a ride and a walk (the paper's Fig. 10).

import { accuracies } from "../../progressive/policy-outcome.ts";
import {
  type Plan,
  type PlanState,
  type PolicyName,
  planWith,
  policies,
  replan,
  type Sla,
} from "../../scheduler/index.ts";
import type { LinePanel, Series } from "../report/figure.ts";
import { type SimulatedAnswer, simulate } from "../simulate.ts";
import { type World, worldOfTrace } from "../simulate-world.ts";
import { synthesizeTrace } from "../synthesize-trace.ts";
import { ACCURACY_TOLERANCE, conditionsOf, FOUR_G, spaceFor } from "./compare.ts";
import type { Experiment, LabNetwork } from "./experiment.ts";

/** What is known of the link is so old: a moving average and a probe. */
const LAG_MS = 1000;
const WINDOW_MS = 10_000;
const SHOWN = ["device-only", "server-only", "neurosurgeon", "ours"] as const;

type Planner = (nowMs: number, world: World) => Plan;

export const trace: Experiment = {
  question: "adaptation to a bandwidth trace of a ride and a walk (Fig. 10)",
  async run(lab) {
    const { steps } = synthesizeTrace({ seed: lab.seed, steps: lab.quick ? 120 : 800 });
    const seconds = steps.length;
    const panels: LinePanel[] = [
      {
        kind: "lines",
        title: "The link",
        x: { label: "seconds" },
        y: { label: "Mbit/s", from: 0 },
        series: [
          { name: "bandwidth", look: "steps", points: steps.map((s, i) => ({ x: i, y: s.bitsPerSecond / 1e6 })) },
        ],
      },
    ];
    const said: string[] = [];
    for (const network of lab.networks) {
      const world = worldOfTrace({ steps }, conditionsOf({ link: FOUR_G }));
      const runs: { policy: PolicyName; answers: readonly SimulatedAnswer[] }[] = [];
      for (const [p, policy] of SHOWN.entries()) {
        await lab.progress(`${network.name}, ${policies[policy].title}`, p / SHOWN.length);
        const { trial } = network.folds[0]!;
        const images = Uint32Array.from({ length: 200 * seconds }, (_, i) => i % trial.model.record.images);
        const planner = plannerOf(network, policy);
        const untilMs = 1000 * seconds;
        runs.push({
          policy,
          answers: simulate({ profile: trial, images, world, planner, untilMs, seed: lab.seed }).answers,
        });
      }
      panels.push(...panelsOf(network, runs));
      said.push(say(network, runs, seconds));
    }
    return {
      figures: [
        {
          id: "trace",
          title: "Adaptation to a changing link",
          says: `${said.join("; ")}.`,
          basis: "simulated",
          paper:
            "Fig. 10: 3.3 to 6.2 inferences per second while bandwidth moves between 1 and 38 Mbit/s; the split goes to and fro between two places, and thresholds fall with the bandwidth.",
          panels,
        },
      ],
      notes: [
        `The paper's trace is not published; this one is invented in its manner (seed ${lab.seed}). Planners know the link as it was ${LAG_MS / 1000} s ago. Ours changes its plan as the client does, with hysteresis; Neurosurgeon plans anew whenever the link has changed, at no cost.`,
      ],
    };
  },
};

function plannerOf({ folds }: LabNetwork, policy: PolicyName): Planner {
  const fold = folds[0]!;
  const space = spaceFor(fold, policy);
  const floor = accuracies(fold.planning.model.record).at(-1)! - ACCURACY_TOLERANCE;
  const sla: Sla = {
    require: [{ metric: "accuracy", op: ">=", value: floor }],
    prefer: [{ aim: "min", metric: "latency.mean" }],
  };
  const knownAt = (nowMs: number, world: World) => world.at(Math.max(0, nowMs - LAG_MS));
  if (policy === "ours") {
    let state: PlanState | undefined;
    let seen: unknown;
    return (nowMs, world) => {
      const known = knownAt(nowMs, world);
      // between two steps of the trace nothing is new, but patience may have come to its end
      if (state && known === seen && state.pendingSinceMs === undefined) return state.plan;
      seen = known;
      ({ state } = replan(space, sla, state, nowMs, known));
      return state.plan;
    };
  }
  const plans = new Map<number, Plan>();
  return (nowMs, world) => {
    const known = knownAt(nowMs, world);
    const plan = plans.get(known.uplinkBps) ?? planWith(policies[policy], space, known, sla);
    plans.set(known.uplinkBps, plan);
    return plan;
  };
}

function panelsOf(
  { name, profile, cutShares }: LabNetwork,
  runs: readonly { policy: PolicyName; answers: readonly SimulatedAnswer[] }[],
): LinePanel[] {
  const x = { label: "seconds" };
  const shareAt = new Map(profile.model.cuts.map(({ id }, c) => [id, 100 * cutShares[c]!]));
  const answers = runs.find(({ policy }) => policy === "ours")!.answers;
  return [
    {
      ...{ kind: "lines", title: `${name}: latency`, x },
      y: { label: `mean ms of ${WINDOW_MS / 1000} s`, from: 0 },
      series: runs.map(({ policy, answers: all }) => ({ name: policies[policy].title, points: windows(all) })),
    },
    {
      ...{ kind: "lines", title: `${name}: where ours cuts`, x },
      y: { label: "% of the multiply-adds before the cut", from: 0, to: 100 },
      series: [changes(answers, "cut", ({ cut }) => shareAt.get(cut)!)],
    },
  ];
}

function windows(answers: readonly SimulatedAnswer[]): { x: number; y: number }[] {
  const sums = new Map<number, { ms: number; count: number }>();
  for (const { startedMs, latencyMs } of answers) {
    const window = Math.floor(startedMs / WINDOW_MS);
    const { ms, count } = sums.get(window) ?? { ms: 0, count: 0 };
    sums.set(window, { ms: ms + latencyMs, count: count + 1 });
  }
  return Array.from(sums, ([window, { ms, count }]) => ({ x: ((window + 0.5) * WINDOW_MS) / 1000, y: ms / count }));
}

/** A point for each time that the value changes. */
function changes(answers: readonly SimulatedAnswer[], name: string, value: (plan: Plan) => number): Series {
  const points = answers.map(({ startedMs, plan }) => ({ x: startedMs / 1000, y: value(plan) }));
  const kept = points.filter(({ y }, i) => i === 0 || i === points.length - 1 || y !== points[i - 1]!.y);
  return { name, look: "steps", points: kept };
}

function say(
  { name }: LabNetwork,
  runs: readonly { policy: PolicyName; answers: readonly SimulatedAnswer[] }[],
  seconds: number,
): string {
  const rate = (wanted: PolicyName): number => runs.find(({ policy }) => policy === wanted)!.answers.length / seconds;
  const ours = runs.find(({ policy }) => policy === "ours")!.answers;
  const planChanges = ours.filter(({ plan }, i) => i > 0 && plan !== ours[i - 1]!.plan).length;
  return `${name}: ${rate("ours").toFixed(1)} inferences per second with ours, ${rate("neurosurgeon").toFixed(1)} with Neurosurgeon, ${rate("server-only").toFixed(1)} server only, ${rate("device-only").toFixed(1)} device only, with ${planChanges} changes of plan in ${seconds} s`;
}
