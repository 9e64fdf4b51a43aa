// Does the client keep its agreement while bandwidth falls, the server slows and the device slows? Measured: two processes, the real
// client planning by itself, conditions that change under it.

import { setTimeout as sleep } from "node:timers/promises";
import { SpinnError } from "../../errors.ts";
import { type EmulatedLink, emulateLink } from "../link-emulator.ts";
import { linkPresets } from "../link-presets.ts";
import type { LinkSpec } from "../link-spec.ts";
import type { Figure } from "../report/figure.ts";
import { FOUR_G } from "./compare.ts";
import type { Adaptation, Experiment, Lab, LabNetwork } from "./experiment.ts";
import { type JudgedPhase, judge, recoveryMs, SETTLED_MS } from "./judge-adaptation.ts";
import { type LabProcess, startLabProcess } from "./lab-process.ts";
import type { LabAnswer, LabPlace } from "./lab-protocol.ts";

/** So much that the server pays at first, and neither 20 times less bandwidth nor a slower server leave it that. */
const BOUND_MS = 120;
const PHASE_MS = 10_000;
/** Before slowing, as the first run of everything makes a session. */
const WARMING = { rounds: 2, budgetMs: 15_000 };

interface Phase {
  readonly name: string;
  readonly link: LinkSpec;
  readonly server: number;
  readonly device: number;
  readonly isBlow: boolean;
}

interface ObservedPhase extends JudgedPhase {
  readonly name: string;
  readonly answers: readonly LabAnswer[];
}

const usual = { link: FOUR_G, server: 1, device: 1, isBlow: false };
const slowLink: LinkSpec = {
  ...FOUR_G,
  upBitsPerSecond: FOUR_G.upBitsPerSecond / 20,
  downBitsPerSecond: FOUR_G.downBitsPerSecond / 20,
};
const PHASES: readonly Phase[] = [
  { ...usual, name: "4G" },
  { ...usual, name: "bandwidth a 20th", link: slowLink, isBlow: true },
  { ...usual, name: "4G again" },
  { ...usual, name: "server 10 times slower", server: 10, isBlow: true },
  { ...usual, name: "server as before" },
  { ...usual, name: "device 3 times slower", device: 3, isBlow: true },
];

export const adaptation: Experiment = {
  question: "does the client keep its agreement while link, server and device get worse?",
  async run(lab) {
    // one network says it: the second would take another two minutes
    const network = lab.networks[0]!;
    const observed = await observe(lab, network);
    const found = judge(observed, BOUND_MS);
    return {
      figures: [figureOf(network, observed, found)],
      headlines: { adaptation: found },
      notes: [
        `Agreement: mean latency at most ${BOUND_MS} ms, then as accurate as can be, then fast. One image after the other. Met again: from then on the next images and all that follow in the phase keep the bound on average. For nothing: a change of plan more than ${SETTLED_MS / 1000} s after conditions changed.`,
      ],
    };
  },
};

async function observe(lab: Lab, { path: model, slowdown, images, profile }: LabNetwork): Promise<ObservedPhase[]> {
  const [server, device] = [startLabProcess(lab.signal), startLabProcess(lab.signal)];
  let link: EmulatedLink | undefined;
  try {
    const { port = 0 } = await server.ask({ do: "serve", model, slowdown: 1 });
    link = await emulateLink({ target: { host: "127.0.0.1", port }, link: linkPresets.lan });
    const url = link.url(`ws://127.0.0.1:${port}`);
    await device.ask({ do: "connect", model, slowdown: 1, server: url, images });
    const places = profile.model.cuts.map(({ codecs, ...cut }): LabPlace => {
      return { ...cut, codecs: codecs.map(({ codec }) => codec) };
    });
    for (const [role, side] of [["device", device] as const, ["server", server] as const]) {
      await lab.progress(`warming up the ${role}`, 0.1);
      await side.ask({ do: "profile", role, places, images, ...WARMING });
    }
    const apply = (phase: Phase): Promise<void> => set(link!, server, device, slowdown, phase);
    await apply(PHASES[0]!);
    await lab.progress("the device measures itself", 0.2);
    await device.ask({
      do: "agree",
      require: [`latency.mean <= ${BOUND_MS}ms`],
      prefer: ["max accuracy", "min latency.mean"],
    });
    await device.ask({ do: "begin" });
    const times: number[] = [];
    for (const [i, phase] of PHASES.entries()) {
      await lab.progress(phase.name, 0.4 + (0.6 * i) / PHASES.length);
      await apply(phase);
      times.push(Date.now());
      await wait(PHASE_MS, lab.signal);
    }
    const { answers = [], planChanges = [] } = await device.ask({ do: "end" });
    return PHASES.map((phase, i) => {
      const [fromMs, toMs] = [times[i]!, times[i + 1] ?? times[i]! + PHASE_MS];
      const isInside = ({ atMs }: { readonly atMs: number }): boolean => atMs >= fromMs && atMs < toMs;
      return { ...phase, fromMs, toMs, answers: answers.filter(isInside), changes: planChanges.filter(isInside) };
    });
  } finally {
    await link?.close();
    server.close();
    device.close();
  }
}

async function set(
  link: EmulatedLink,
  server: LabProcess,
  device: LabProcess,
  slowdown: LabNetwork["slowdown"],
  phase: Phase,
): Promise<void> {
  link.set(phase.link);
  await server.ask({ do: "slow", slowdown: slowdown.server * phase.server });
  await device.ask({ do: "slow", slowdown: slowdown.device * phase.device });
}

async function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal && { signal }).catch(() => {
    throw new SpinnError("Aborted", "Stopped during a measurement");
  });
}

function figureOf(
  { name, cutShares, profile }: LabNetwork,
  observed: readonly ObservedPhase[],
  found: Adaptation,
): Figure {
  const begin = observed[0]!.fromMs;
  const seconds = (atMs: number): number => (atMs - begin) / 1000;
  const shareAt = new Map(profile.model.cuts.map(({ id }, c) => [id, 100 * cutShares[c]!]));
  const all = observed.flatMap(({ answers }) => answers);
  const x = { label: `seconds; every ${PHASE_MS / 1000}: ${PHASES.map((phase) => phase.name).join(", ")}` };
  const blows = observed.filter(({ isBlow }) => isBlow);
  const each = blows.map((one) => {
    const { length } = one.changes;
    return `${one.name}: ${(recoveryMs(one, BOUND_MS) / 1000).toFixed(1)} s and ${length} change${length === 1 ? "" : "s"} of plan`;
  });
  return {
    id: "adaptation",
    title: "Adaptation to a worse link, server and device",
    says: `Until ${name} keeps its ${BOUND_MS} ms again, ${each.join("; ")}; ${found.idlePlanChanges} changes while nothing had changed.`,
    basis: "measured",
    panels: [
      {
        ...{ kind: "lines", title: "Latency of each image", x },
        y: { label: "ms", from: 0 },
        series: [{ name: "image", look: "dots", points: all.map((a) => ({ x: seconds(a.atMs), y: a.latencyMs })) }],
        levels: [{ name: "agreed mean", y: BOUND_MS }],
      },
      {
        ...{ kind: "lines", title: "Where it was cut", x },
        y: { label: "% of the multiply-adds before the cut", from: 0, to: 100 },
        series: [
          {
            name: "cut",
            look: "steps",
            points: all.map((a) => ({ x: seconds(a.atMs), y: shareAt.get(a.cut) ?? 100 })),
          },
        ],
      },
    ],
  };
}
