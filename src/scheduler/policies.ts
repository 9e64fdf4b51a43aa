// SPINN, what it is compared with, and what we make of it: each a space to choose from, a goal, and what it sees of the
// world. All plan with the same scheduler over the same profile; what comes of a plan, `estimate` or a real run tells.

import type { Conditions } from "./conditions.ts";
import { NOT_ASKED, type Plan } from "./design.ts";
import type { Metric } from "./metrics.ts";
import type { Profile } from "./profile.ts";
import { schedule } from "./schedule.ts";
import type { Constraint, Sla, Target } from "./sla.ts";
import { compileSpace, defaultPolicies, type Space, type SpaceOptions, startingPolicies } from "./space.ts";

export type PolicyName =
  | "device-only"
  | "device-only-exits"
  | "server-only"
  | "server-only-exits"
  | "server-only-image"
  | "neurosurgeon"
  | "edgent"
  | "spinn-no-exits"
  | "spinn"
  | "ours";

export interface Policy {
  readonly title: string;
  /** Where it comes from. */
  readonly source: string;
  /** What we decided where the source is silent or did not fit. */
  readonly choices: readonly string[];
  /** What it may choose from, in a network with so many exits. */
  readonly space: (exits: number) => SpaceOptions;
  /** What of the conditions it takes into account. @default all */
  readonly sees?: (conditions: Conditions) => Conditions;
  /** What it makes of the user's agreement. @default takes it as it is */
  readonly goal?: (sla: Sla) => Sla;
  /** Does it refine thresholds per exit? @default false */
  readonly perExit?: boolean;
}

/** What the paper sends: quantized to 8 bits, bit-shuffled, LZ4, or raw where that does not pay. */
const paperCodecs: readonly string[] = ["float32", "lz4"];
const compressed = (codec: string): boolean => paperCodecs.includes(codec);
const fairCompression =
  "May use SPINN's 8-bit compression wherever it pays, although it was published with raw float32 tensors: what is compared is the decision, not the codec.";

/** Asks one exit alone and takes its answer: the network cut off behind it. */
function only(exit: number, exits: number): number[] {
  return Array.from({ length: exits }, (_, e) => (e === exit ? 0 : NOT_ASKED));
}

const noExits = (exits: number): number[][] => [only(exits - 1, exits)];

/** The paper's metrics are means. */
function onMeans({ require = [], prefer = [] }: Sla): Sla {
  const mean = <T extends Constraint | Target>(one: T): T =>
    one.metric.startsWith("latency.") ? { ...one, metric: "latency.mean" } : one;
  return withoutRepeats({ require: require.map(mean), prefer: prefer.map(mean) });
}

/** Two percentiles may have become the same mean: the tighter bound stays, and the first target. */
function withoutRepeats({ require = [], prefer = [] }: Sla): Sla {
  const bounds = new Map<string, Constraint>();
  for (const one of require) {
    const key = `${one.metric} ${one.op}`;
    const known = bounds.get(key);
    const tighter = known && (one.op === "<=" ? Math.min : Math.max)(known.value, one.value);
    bounds.set(key, tighter === undefined ? one : { ...one, value: tighter });
  }
  const first = prefer.filter((one, i) => prefer.findIndex(({ metric }) => metric === one.metric) === i);
  return { require: [...bounds.values()], prefer: first };
}

/** What the user wants first, if a policy that knows nothing of exits and server costs can want it; else latency. */
function speed({ prefer = [] }: Sla, known: readonly Metric[]): Target {
  const [first] = prefer;
  const aim = first?.metric === "throughput" ? "max" : "min";
  if (first?.aim === aim && known.includes(first.metric)) return { aim, metric: first.metric };
  return { aim: "min", metric: "latency.mean" };
}

/** As accurate as the bound on latency allows, then fast; without such a bound fast, as far as one on accuracy allows. */
function accurateWithinBound(sla: Sla): Sla {
  const require = (onMeans(sla).require ?? []).filter(({ metric, op }) => {
    return (metric === "latency.mean" && op === "<=") || (metric === "accuracy" && op === ">=");
  });
  const fast = speed(sla, ["throughput"]);
  if (!require.some(({ metric }) => metric === "latency.mean")) return { require, prefer: [fast] };
  return { require, prefer: [{ aim: "max", metric: "accuracy", tolerance: 0 }, fast] };
}

export const policies: { readonly [N in PolicyName]: Policy } = {
  "device-only": {
    title: "Device only",
    source: "The usual baseline: the network without exits, all of it on the device.",
    choices: [],
    space: (exits) => ({ cuts: ({ id }) => id === "none", policies: noExits(exits) }),
  },
  "device-only-exits": {
    title: "Device only, with exits",
    source: "Shallow-Deep Networks (Kaya et al., ICML 2019): a progressive network on one machine.",
    choices: ["One threshold for all exits, chosen for the same agreement as SPINN's, means for percentiles."],
    space: () => ({ cuts: ({ id }) => id === "none", policies: defaultPolicies }),
    goal: onMeans,
  },
  "server-only": {
    title: "Server only",
    source: "The usual baseline: the input is sent, the network without exits runs on the server.",
    choices: [fairCompression],
    space: (exits) => ({ cuts: ({ id }) => id === "input", codecs: compressed, policies: noExits(exits) }),
  },
  "server-only-exits": {
    title: "Server only, with exits",
    source: "As server only; the server stops at the first confident exit.",
    choices: [fairCompression, "One threshold for all exits, chosen for the same agreement as SPINN's."],
    space: () => ({ cuts: ({ id }) => id === "input", codecs: compressed, policies: defaultPolicies }),
    goal: onMeans,
  },
  "server-only-image": {
    title: "Server only, encoded image",
    source: "What an ordinary web service does: the JPEG or WebP itself is sent, the network without exits runs there.",
    choices: ["A stored photograph is sent as it is; the profile says what decoding it takes on the server."],
    space: (exits) => ({
      cuts: ({ id }) => id === "input",
      codecs: (codec) => codec === "image",
      policies: noExits(exits),
    }),
  },
  neurosurgeon: {
    title: "Neurosurgeon",
    source:
      "Kang et al., ASPLOS 2017: the split of least latency or energy, for the present bandwidth and server load.",
    choices: [
      fairCompression,
      "Layer times are measured on this device and server, where the paper predicts them from layer types: no error of prediction.",
      "Any cut of the profile may be chosen, inside residual blocks too, where the paper has chains of layers.",
      "Energy only if the agreement's first target is `min energy`; and throughput, which it was not made for, if that is `max throughput`. It knows no constraints.",
    ],
    space: (exits) => ({ codecs: compressed, policies: noExits(exits) }),
    goal: (sla) => ({ prefer: [speed(sla, ["energy", "throughput"])] }),
  },
  edgent: {
    title: "Edgent",
    source:
      "Li, Zhou, Chen: Edge Intelligence (MECOMM 2018), Edge AI (IEEE TWC 2020): split and one exit for all images, the most accurate that keeps the bound on latency.",
    choices: [
      fairCompression,
      "The network ends at the chosen exit: no other exit is asked, and no confidence is looked at.",
      "It has no term for the server's load and plans for an idle one.",
      "Without a bound on latency it takes the fastest exit and split, by throughput if the agreement's first target is that, among the exits that keep a bound on accuracy; the paper always has a bound on latency.",
      "Where no exit keeps the bound, the fastest, where the paper gives up.",
      "Most accurate is measured through the codec, where the paper takes the deepest exit.",
    ],
    space: (exits) => ({
      codecs: compressed,
      policies: Array.from({ length: exits }, (_, exit) => only(exit, exits)),
    }),
    sees: ({ serverFactor: _, serverQueueMs: __, serverSpread: ___, ...rest }) => rest,
    goal: accurateWithinBound,
  },
  "spinn-no-exits": {
    title: "SPINN without exits",
    source: "Laskaridis et al., MobiCom 2020: the paper's own ablation.",
    choices: ["The agreement is met on means."],
    space: (exits) => ({ cuts: ({ sparse }) => sparse, codecs: compressed, policies: noExits(exits) }),
    goal: onMeans,
  },
  spinn: {
    title: "SPINN",
    source: "Laskaridis et al., MobiCom 2020: split after ReLUs and one threshold for all exits, jointly.",
    choices: [
      "The agreement is met on means: the paper does not speak of percentiles.",
      "Constraints that cannot all be met give way from the least important up: the paper does not say.",
    ],
    space: () => ({ cuts: ({ sparse }) => sparse, codecs: compressed, policies: defaultPolicies }),
    goal: onMeans,
  },
  ours: {
    title: "This project",
    source: "SPINN with everything on.",
    choices: [
      "Every cut and codec of the profile, percentiles, a threshold for each exit, exits that nobody needs left out: all of them, too, if that is best.",
    ],
    space: (exits) => ({ policies: startingPolicies(exits) }),
    perExit: true,
  },
};

/** Can it plan at all? Not without its cuts or codecs in the profile: `server-only-image` wants the codec `image`. */
export function policySpace(policy: Policy, profile: Profile): Space | undefined {
  const { images, confidences } = profile.model.record;
  const options = policy.space(confidences.length / images);
  const { cuts } = profile.model;
  const some = cuts.some((cut, c) => {
    if (options.cuts && !options.cuts(cut)) return false;
    return c === cuts.length - 1 || cut.codecs.some(({ codec }) => options.codecs?.(codec) ?? true);
  });
  return some ? compileSpace(profile, options) : undefined;
}

/**
 * What a policy would do.
 *
 * @param space from {@link policySpace}
 * @throws {RangeError} as `schedule`
 */
export function planWith(policy: Policy, space: Space, conditions: Conditions, sla: Sla): Plan {
  const { sees = (all) => all, goal = (same) => same, perExit = false } = policy;
  return schedule(space, sees(conditions), goal(sla), { perExit, runnersUp: 0 }).plan;
}
