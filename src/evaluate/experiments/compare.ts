// One policy in one situation: it plans by one half of the profiled images, and the simulation tells what comes of it on the other.

import { percentile } from "../../percentile.ts";
import { accuracies } from "../../progressive/policy-outcome.ts";
import {
  type Conditions,
  type Plan,
  type PolicyName,
  type Profile,
  planWith,
  policies,
  policySpace,
  type Sla,
  type Space,
} from "../../scheduler/index.ts";
import { linkPresets } from "../link-presets.ts";
import type { LinkSpec } from "../link-spec.ts";
import { parseLink } from "../parse-link.ts";
import { type Arrivals, type Failures, type Simulation, simulate } from "../simulate.ts";
import type { Fold, LabNetwork } from "./experiment.ts";

/** How much accuracy may be given up against the network's last exit, where an experiment asks for speed. */
export const ACCURACY_TOLERANCE = 0.01;

/** So many images on their way at once, where throughput is asked for. */
export const PIPELINE_DEPTH = 64;

export interface Outcome {
  readonly policy: PolicyName;
  readonly plan: Plan;
  readonly accuracy: number;
  readonly latencyMs: number;
  readonly latencyP95Ms: number;
  readonly throughput: number;
  readonly serverMs: number;
  readonly deviceMs: number;
  readonly energyMj: number;
}

export interface Situation {
  readonly network: LabNetwork;
  readonly conditions: Conditions;
  /** Given what the network's last exit gets right by itself, on the images that are planned by. */
  readonly sla: (finalAccuracy: number) => Sla;
  /** @default one image after the other */
  readonly arrivals?: Arrivals;
  readonly seed: number;
}

/**
 * Both folds together.
 *
 * @throws {RangeError} for a policy that the profile has no cut or codec for, or an SLA that makes no sense
 */
export function tryPolicy(policy: PolicyName, situation: Situation): Outcome {
  const { network, conditions, sla, arrivals, seed } = situation;
  const plans = network.folds.map((fold) => {
    const wanted = sla(accuracies(fold.planning.model.record).at(-1)!);
    return planWith(policies[policy], spaceFor(fold, policy), conditions, wanted);
  });
  const simulations = network.folds.map(({ trial }, f) =>
    playOnce(trial, conditions, plans[f]!, { seed, ...(arrivals && { arrivals }) }),
  );
  return { policy, plan: plans[0]!, ...summaryOf(simulations) };
}

/** All images of a profile once, under conditions that do not change. */
export function playOnce(
  profile: Profile,
  conditions: Conditions,
  plan: Plan,
  options: { seed: number; arrivals?: Arrivals; failures?: Failures },
): Simulation {
  return simulate({
    profile,
    images: Uint32Array.from({ length: profile.model.record.images }, (_, i) => i),
    world: [{ fromMs: 0, conditions }],
    planner: () => plan,
    ...options,
  });
}

/** Of all simulations together. */
export function summaryOf(simulations: readonly Simulation[]): Omit<Outcome, "policy" | "plan"> {
  const answers = simulations.flatMap((one) => one.answers);
  const tookMs = simulations.reduce((sum, one) => sum + one.tookMs, 0);
  const mean = (of: (answer: (typeof answers)[number]) => number): number =>
    answers.reduce((sum, answer) => sum + of(answer), 0) / answers.length;
  const latencies = answers.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
  return {
    accuracy: mean(({ correct }) => Number(correct)),
    latencyMs: mean(({ latencyMs }) => latencyMs),
    latencyP95Ms: percentile(latencies, 0.95),
    throughput: (1000 * answers.length) / tookMs,
    serverMs: mean(({ serverMs }) => serverMs),
    deviceMs: mean(({ deviceMs }) => deviceMs),
    energyMj: mean(({ energyMj }) => energyMj),
  };
}

/** What the network's last exit gets right by itself. */
export function finalAccuracy({ profile }: LabNetwork): number {
  return accuracies(profile.model.record).at(-1)!;
}

export interface Setting {
  readonly link: LinkSpec | string;
  /** How many times as fast the device is. @default 1 */
  readonly deviceSpeed?: number;
  /** How many times as long the server takes because of others. @default 1 */
  readonly serverLoad?: number;
}

/** Link, device and server as a policy sees them. */
export function conditionsOf({ link, deviceSpeed = 1, serverLoad = 1 }: Setting): Conditions {
  const { upBitsPerSecond, downBitsPerSecond, rttMs } = typeof link === "string" ? parseLink(link) : link;
  const rates = { uplinkBps: upBitsPerSecond, downlinkBps: downBitsPerSecond };
  return { ...rates, rttMs, deviceFactor: 1 / deviceSpeed, serverFactor: serverLoad };
}

/** The paper's 4G. */
export const FOUR_G: LinkSpec = linkPresets["4g"];

const spaces = new WeakMap<Fold, Map<PolicyName, Space>>();

/** What a policy may choose from; compiled once for each fold. */
export function spaceFor(fold: Fold, policy: PolicyName): Space {
  const known = spaces.get(fold) ?? new Map<PolicyName, Space>();
  spaces.set(fold, known);
  const space = known.get(policy) ?? policySpace(policies[policy], fold.planning);
  if (!space) throw new RangeError(`The profile has nothing to choose from for ${policies[policy].title}`);
  known.set(policy, space);
  return space;
}

/** From `from` to `to`, evenly on a logarithmic scale. */
export function logarithmic(from: number, to: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from * (to / from) ** (i / (count - 1)));
}
