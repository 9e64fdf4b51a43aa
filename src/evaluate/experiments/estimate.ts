// Are the scheduler's estimates true, and is the simulation? Random settings (cut, thresholds, codec, bandwidth, round trip, load),
// each run for real between two processes over an emulated link, beside what was foretold for the same images.

import type { Plan as EnginePlan } from "../../engine/index.ts";
import { percentile } from "../../percentile.ts";
import { createRng, mixSeed, type Rng } from "../../random.ts";
import {
  type Conditions,
  codecOf,
  estimate as estimateOf,
  type Plan,
  type Profile,
  type SideProfile,
} from "../../scheduler/index.ts";
import { emulateLink } from "../link-emulator.ts";
import type { LinkSpec } from "../link-spec.ts";
import type { Figure } from "../report/figure.ts";
import { fatesOf } from "../simulate-fate.ts";
import { playOnce, summaryOf } from "./compare.ts";
import type { EstimateErrors, Experiment, Lab, LabNetwork } from "./experiment.ts";
import { startLabProcess } from "./lab-process.ts";
import type { LabAnswer, LabPlace } from "./lab-protocol.ts";
import { profileOfImages } from "./partial-profile.ts";

const SETTINGS = 44;
const QUICK_SETTINGS = 6;
const IMAGES = 32;
/** At full speed: a slowed first run would sleep for the making of a session as well. */
const WARM_UP = 3;
/**
 * Slowed a little: a core that sleeps between slices is slower in them than one that does not, and an emulated device knows what
 * its work usually takes from the last 15 times.
 */
const GETTING_USED = 20;
const PART_OF_SLOWDOWN = 1 / 3;
/** Slowed as it is meant; from these the device learns how fast it and the server are now, as a client does. */
const LEARNING = 8;
/** Of each side by itself, as slow as it is meant to be. */
const MEASURING = { rounds: 6, budgetMs: 40_000 };
const WARMING = { rounds: 2, budgetMs: 15_000 };

interface Setting {
  readonly plan: Plan;
  readonly link: LinkSpec;
  readonly serverLoad: number;
  readonly deviceLoad: number;
  /** Of the profile: those that count, and others before them. */
  readonly images: readonly number[];
  readonly others: readonly number[];
}

interface Compared {
  readonly network: string;
  readonly setting: Setting;
  readonly measured: Latency;
  readonly estimated: Latency;
  readonly simulated: Latency;
}

interface Latency {
  readonly mean: number;
  readonly p95: number;
  readonly accuracy: number;
}

export const estimate: Experiment = {
  question: "are the estimates true? Random settings, run for real",
  async run(lab) {
    const compared: Compared[] = [];
    const each = Math.ceil((lab.quick ? QUICK_SETTINGS : SETTINGS) / lab.networks.length);
    for (const [n, network] of lab.networks.entries()) {
      const rng = createRng(mixSeed(lab.seed, 0xe57, n));
      const settings = Array.from({ length: each }, () => randomSetting(network, rng));
      await runSettings(lab, network, settings, (one) => {
        compared.push(one);
        return lab.progress(
          `${network.name}: setting ${compared.length}`,
          compared.length / (each * lab.networks.length),
        );
      });
    }
    const errors = errorsOf(compared, ({ estimated }) => estimated);
    const simulation = errorsOf(compared, ({ simulated }) => simulated);
    return {
      figures: [figureOf(compared, errors, simulation)],
      headlines: { estimate: errors },
      notes: [
        `Each setting: a random cut, threshold, codec, bandwidth (0.5 to 100 Mbit/s), round trip (2 to 80 ms), and load of device (1 to 2 times) and server (1 to 5 times); ${IMAGES} images one after the other, foretold for the very same images. Device and server are this machine's cores, slowed; each side has measured itself before, as slow as it is, and what both and the link can do now is learnt from ${LEARNING} other images, as a client does.`,
      ],
    };
  },
};

function randomSetting({ profile }: LabNetwork, rng: Rng): Setting {
  const { cuts, record } = profile.model;
  const cut = cuts[Math.floor(rng() * cuts.length)]!;
  const codec = cut.codecs[Math.floor(rng() * cut.codecs.length)]?.codec ?? "none";
  const exits = record.confidences.length / record.images;
  const threshold = Math.round(100 * (0.4 + 0.6 * rng())) / 100;
  const bitsPerSecond = Math.round(0.5e6 * 200 ** rng());
  const anyImage = (): number => Math.floor(rng() * record.images);
  return {
    plan: { cut: cut.id, codec, thresholds: new Array<number>(exits).fill(threshold) },
    link: { upBitsPerSecond: bitsPerSecond, downBitsPerSecond: bitsPerSecond, rttMs: Math.round(2 * 40 ** rng()) },
    deviceLoad: 1 + rng(),
    serverLoad: 1 + 4 * rng(),
    images: Array.from({ length: IMAGES }, anyImage),
    others: Array.from({ length: GETTING_USED }, anyImage),
  };
}

async function runSettings(
  lab: Lab,
  network: LabNetwork,
  settings: readonly Setting[],
  done: (one: Compared) => Promise<void>,
): Promise<void> {
  const [server, device] = [startLabProcess(lab.signal), startLabProcess(lab.signal)];
  const { path: model, slowdown, images, order } = network;
  try {
    const { port = 0 } = await server.ask({ do: "serve", model, slowdown: 1 });
    const link = await emulateLink({ target: { host: "127.0.0.1", port }, link: "4g" });
    try {
      const url = link.url(`ws://127.0.0.1:${port}`);
      await device.ask({ do: "connect", model, slowdown: 1, server: url, images });
      const slow = async (deviceLoad: number, serverLoad: number): Promise<void> => {
        await device.ask({ do: "slow", slowdown: Math.max(1, slowdown.device * deviceLoad) });
        await server.ask({ do: "slow", slowdown: Math.max(1, slowdown.server * serverLoad) });
      };
      const fast = async (): Promise<void> => {
        await device.ask({ do: "slow", slowdown: 1 });
        await server.ask({ do: "slow", slowdown: 1 });
      };
      await lab.progress(`${network.name}: both sides measure themselves`, 0);
      const places = network.profile.model.cuts.map(({ codecs, ...cut }): LabPlace => {
        return { ...cut, codecs: codecs.map(({ codec }) => codec) };
      });
      const sides: SideProfile[] = [];
      for (const [role, side] of [["device", device] as const, ["server", server] as const]) {
        await fast();
        await side.ask({ do: "profile", role, places, images, ...WARMING });
        await slow(1, 1);
        sides.push((await side.ask({ do: "profile", role, places, images, ...MEASURING })).side!);
      }
      const profile: Profile = { model: network.profile.model, device: sides[0]!, server: sides[1]! };
      for (const setting of settings) {
        const plan = enginePlan(setting.plan);
        link.set("lan");
        await fast();
        const play = async (images: readonly number[]): Promise<Played> => {
          const { answers = [], link: known = {} } = await device.ask({
            ...{ do: "run", plan },
            images: images.map((i) => order[i]!),
          });
          return { answers, link: known };
        };
        await play(setting.others.slice(0, WARM_UP));
        await slow(PART_OF_SLOWDOWN, PART_OF_SLOWDOWN);
        await play(setting.others);
        link.set(setting.link);
        await slow(setting.deviceLoad, setting.serverLoad);
        const learned = learn(profile, setting, await play(setting.others.slice(0, LEARNING)));
        const { answers } = await play(setting.images);
        await done({
          network: network.name,
          setting,
          measured: latencyOf(answers),
          ...foretell(lab, profile, setting, learned),
        });
      }
    } finally {
      await link.close();
    }
  } finally {
    server.close();
    device.close();
  }
}

/** In the engine's words. */
function enginePlan({ cut, thresholds, codec }: Plan): EnginePlan {
  return { cut, thresholds, ...codecOf(codec) } as EnginePlan;
}

interface Played {
  readonly answers: readonly LabAnswer[];
  readonly link: { readonly uplinkBps?: number; readonly rttMs?: number };
}

/**
 * What a client knows after its first images. SPINN's scaling factors: measured over profiled time, the median of the images, with
 * all that the device does; the link as the client measures it. What was not met is taken as it is said.
 */
function learn(profile: Profile, setting: Setting, { answers, link }: Played): Conditions {
  const { plan, others, deviceLoad, serverLoad } = setting;
  const fateOf = fatesOf(profile, plan);
  const ratios = answers.map(({ latencyMs, serverMs, networkMs }, i) => {
    const { device, packing, server } = fateOf(others[i]!);
    const deviceMs = device.meanMs + packing.meanMs;
    return { device: (latencyMs - serverMs - networkMs) / deviceMs, server: serverMs / server.meanMs };
  });
  const median = (values: readonly number[], none: number): number => {
    const sorted = values.filter((value) => value > 0 && value < Number.POSITIVE_INFINITY).sort((a, b) => a - b);
    return sorted.length > 0 ? percentile(sorted, 0.5) : none;
  };
  const { uplinkBps = setting.link.upBitsPerSecond, rttMs = setting.link.rttMs } = link;
  return {
    ...{ uplinkBps, rttMs, downlinkBps: setting.link.downBitsPerSecond },
    deviceFactor: median(
      ratios.map(({ device }) => device),
      deviceLoad,
    ),
    serverFactor: median(
      ratios.map(({ server }) => server),
      serverLoad,
    ),
  };
}

function foretell(
  { seed }: Lab,
  profile: Profile,
  setting: Setting,
  conditions: Conditions,
): Pick<Compared, "estimated" | "simulated"> {
  const same: Profile = { ...profile, model: profileOfImages(profile.model, setting.images) };
  const { latency, accuracy } = estimateOf(same, conditions, setting.plan);
  const simulated = summaryOf([playOnce(same, conditions, setting.plan, { seed })]);
  return {
    estimated: { mean: latency.mean, p95: latency.p95, accuracy },
    simulated: { mean: simulated.latencyMs, p95: simulated.latencyP95Ms, accuracy: simulated.accuracy },
  };
}

function latencyOf(answers: readonly LabAnswer[]): Latency {
  const sorted = answers.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
  return {
    mean: sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length,
    p95: percentile(sorted, 0.95),
    accuracy: answers.filter(({ correct }) => correct).length / answers.length,
  };
}

function errorsOf(compared: readonly Compared[], foretold: (one: Compared) => Latency): EstimateErrors {
  const relative = (key: "mean" | "p95"): number[] =>
    compared.map((one) => Math.abs(foretold(one)[key] / one.measured[key] - 1)).sort((a, b) => a - b);
  return {
    settings: compared.length,
    meanErrorMedian: percentile(relative("mean"), 0.5),
    p95ErrorMedian: percentile(relative("p95"), 0.5),
    accuracyErrorMax: Math.max(
      ...compared.map((one) => 100 * Math.abs(foretold(one).accuracy - one.measured.accuracy)),
    ),
  };
}

function figureOf(compared: readonly Compared[], errors: EstimateErrors, simulation: EstimateErrors): Figure {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const names = [...new Set(compared.map(({ network }) => network))];
  const longest = Math.max(...compared.map(({ measured }) => measured.p95));
  const diagonal = { name: "equal", points: [1, longest].map((ms) => ({ x: ms, y: ms })) };
  const panel = (title: string, key: "mean" | "p95", kind: "estimated" | "simulated"): Figure["panels"][number] => ({
    ...{ kind: "lines", title },
    x: { label: "measured ms", scale: "log" },
    y: { label: `${kind} ms`, scale: "log" },
    series: [
      diagonal,
      ...names.map((name) => ({
        ...{ name, look: "dots" as const },
        points: compared
          .filter(({ network }) => network === name)
          .map((one) => ({ x: one.measured[key], y: one[kind][key] })),
      })),
    ],
  });
  return {
    id: "estimate",
    title: "Estimates and simulation against measurement",
    says: `In ${compared.length} random settings, half of all estimates of mean latency are within ${percent(errors.meanErrorMedian)} of what was measured, of its 95th percentile within ${percent(errors.p95ErrorMedian)}, and accuracy within ${errors.accuracyErrorMax.toFixed(2)} points at worst; the simulation behind the other figures is within ${percent(simulation.meanErrorMedian)} and ${percent(simulation.p95ErrorMedian)}.`,
    basis: "measured",
    panels: [
      panel("Mean latency, estimated", "mean", "estimated"),
      panel("95th percentile, estimated", "p95", "estimated"),
      panel("Mean latency, simulated", "mean", "simulated"),
      panel("95th percentile, simulated", "p95", "simulated"),
    ],
  };
}
