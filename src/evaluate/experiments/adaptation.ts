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
import type { LabAnswer, LabPlace, LabPlanChange } from "./lab-protocol.ts";

/** So little that 20 times less bandwidth, a server 10 times slower and a device 3 times slower each break a plan that kept it. */
const BOUND_MS = 80;
const PHASE_MS = 10_000;
/** What a client has only guessed of device, link and server it learns from its first images; that is not what is asked here. */
const ACQUAINTANCE_MS = 10_000;
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
  readonly changes: readonly LabPlanChange[];
}

const usual = { link: FOUR_G, server: 1, device: 1, isBlow: false };
const slowLink: LinkSpec = {
  ...FOUR_G,
  upBitsPerSecond: FOUR_G.upBitsPerSecond / 20,
  downBitsPerSecond: FOUR_G.downBitsPerSecond / 20,
};
/** An agreement, and what happens while the client keeps it. */
interface Act {
  readonly prefer: readonly string[];
  readonly phases: readonly Phase[];
}

/** A client that spares its device lives by link and server, one that spares the server by its device: each has its own blows. */
const ACTS: readonly Act[] = [
  {
    prefer: ["max accuracy within 1%", "min device-cost"],
    phases: [
      { ...usual, name: "4G, to spare the device" },
      { ...usual, name: "bandwidth a 20th", link: slowLink, isBlow: true },
      { ...usual, name: "4G again" },
      { ...usual, name: "server 10 times slower", server: 10, isBlow: true },
    ],
  },
  {
    prefer: ["max accuracy within 1%", "min server-cost"],
    phases: [
      { ...usual, name: "4G, to spare the server" },
      { ...usual, name: "device 3 times slower", device: 3, isBlow: true },
    ],
  },
];
const PHASES = ACTS.flatMap(({ phases }) => phases);

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
        `Every ${PHASE_MS / 1000} s: ${PHASES.map(({ name }) => name).join(", ")}. Changes of plan: ${observed.flatMap((phase) => phase.changes.map((change) => changeLine(phase, change))).join("; ") || "none"}.`,
        `Agreement: mean latency at most ${BOUND_MS} ms, accuracy within a point of what can be reached, and then as little work as can be, for the device before link and server get worse, for the server before the device does: so each blow hits a plan that depends on what it hits. One image after the other; the first ${ACQUAINTANCE_MS / 1000} s with each agreement are not shown. Met again: from then on the next images and all that follow in the phase keep the bound on average. For nothing: a change of plan more than ${SETTLED_MS / 1000} s after conditions changed.`,
      ],
    };
  },
};

function changeLine({ name, fromMs }: ObservedPhase, { atMs, plan, why }: LabPlanChange): string {
  const how = plan.cut === "none" ? "everything on the device" : `cut ${plan.cut}, ${plan.codec}/${plan.bits}`;
  return `${name}, after ${((atMs - fromMs) / 1000).toFixed(1)} s: ${how} (${why})`;
}

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
    const observed: ObservedPhase[] = [];
    for (const { prefer, phases } of ACTS) {
      await apply(phases[0]!);
      await lab.progress("the device measures itself", 0.2 + (0.8 * observed.length) / PHASES.length);
      await device.ask({ do: "agree", require: [`latency.mean <= ${BOUND_MS}ms`], prefer });
      await device.ask({ do: "begin" });
      await wait(ACQUAINTANCE_MS, lab.signal);
      const times: number[] = [];
      for (const [i, phase] of phases.entries()) {
        await lab.progress(phase.name, 0.2 + (0.8 * (observed.length + i)) / PHASES.length);
        await apply(phase);
        times.push(Date.now());
        await wait(PHASE_MS, lab.signal);
      }
      const { answers = [], planChanges = [] } = await device.ask({ do: "end" });
      for (const [i, phase] of phases.entries()) {
        const [fromMs, toMs] = [times[i]!, times[i + 1] ?? times[i]! + PHASE_MS];
        const isInside = ({ atMs }: { readonly atMs: number }): boolean => atMs >= fromMs && atMs < toMs;
        const inside = { answers: answers.filter(isInside), changes: planChanges.filter(isInside) };
        observed.push({ ...phase, fromMs, toMs, ...inside });
      }
    }
    return observed;
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
  const shareAt = new Map(profile.model.cuts.map(({ id }, c) => [id, 100 * cutShares[c]!]));
  // between two agreements the device measured itself again: no part of the figure
  const all = observed.flatMap(({ answers, fromMs }, i) =>
    answers.map((answer) => ({ ...answer, x: (i * PHASE_MS + answer.atMs - fromMs) / 1000 })),
  );
  const x = { label: `seconds; every ${PHASE_MS / 1000} something else` };
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
        series: [{ name: "image", look: "dots", points: all.map(({ x, latencyMs }) => ({ x, y: latencyMs })) }],
        levels: [{ name: "agreed mean", y: BOUND_MS }],
      },
      {
        ...{ kind: "lines", title: "Where it was cut", x },
        y: { label: "% of the multiply-adds before the cut", from: 0, to: 100 },
        series: [
          {
            name: "cut",
            look: "steps",
            points: all.map(({ x, cut }) => ({ x, y: shareAt.get(cut) ?? 100 })),
          },
        ],
      },
    ],
  };
}
