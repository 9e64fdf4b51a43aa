// `spinn plan`: what the scheduler would do on a link and under loads, for an agreement, and why.

import { availableParallelism } from "node:os";
import { join } from "node:path";
import { slaOf } from "../../client/plan-request.ts";
import { openCompute } from "../../compute/index.ts";
import { cacheRoot } from "../../data/index.ts";
import type { NetworkInfo } from "../../engine/index.ts";
import { parseLink } from "../../evaluate/index.ts";
import { fileSideStore, measureProfile } from "../../profiler/index.ts";
import {
  type Conditions,
  compileSpace,
  type Expected,
  type Planned,
  printTarget,
  type Schedule,
  type Sla,
  schedule,
} from "../../scheduler/index.ts";
import { bytes, percent, table } from "../format.ts";
import { interruptible } from "../interrupt.ts";
import type { Io } from "../io.ts";

export interface PlanCommandOptions {
  link: string;
  deviceLoad: number;
  serverLoad: number;
  deviceSlowdown: number;
  serverSlowdown: number;
  require?: readonly string[];
  prefer?: readonly string[];
  threshold?: number;
  cut: string;
  threads?: number;
  explain?: boolean;
  json?: boolean;
}

/** To measure this machine in; it remembers. */
const BUDGET_MS = 3000;

export async function planCommand(io: Io, model: string, options: PlanCommandOptions): Promise<void> {
  // words are judged before anything takes time
  const conditions = conditionsOf(options);
  const sla = slaOf(options);
  await interruptible(io, async (signal) => {
    const { threads = 1, cut, threshold } = options;
    const compute = await openCompute({ model, threads });
    try {
      const { network } = compute;
      if (cut !== "auto") checkCut(network, cut);
      const store = fileSideStore(join(cacheRoot(), "sides"), { threads, executionProviders: ["cpu"], slowdown: 1 });
      const profile = await measureProfile(compute, {
        ...{ budgetMs: BUDGET_MS, store, signal },
        ...(cut !== "auto" && { cut }),
        onWarning: (message) => io.err(message),
      });
      const space = compileSpace(profile, {
        ...(cut !== "auto" && { cuts: ({ id }) => id === cut }),
        ...(threshold !== undefined && { policies: [threshold] }),
      });
      const found = schedule(space, conditions, sla, { perExit: threshold === undefined });
      io.out(options.json ? JSON.stringify(found) : described(network, found, sla, options));
    } finally {
      await compute.close();
    }
  });
}

/** Loads and slowdowns multiply what was measured on this machine. */
function conditionsOf(options: PlanCommandOptions): Conditions {
  const { upBitsPerSecond, downBitsPerSecond, rttMs, jitterMs = 0 } = parseLink(options.link);
  return {
    uplinkBps: upBitsPerSecond,
    downlinkBps: downBitsPerSecond,
    // late by up to so much each way, evenly: half of it on average, and sqrt(2 / 12) of it spread
    rttMs: rttMs + jitterMs,
    jitterMs: jitterMs / Math.sqrt(6),
    deviceFactor: options.deviceLoad * options.deviceSlowdown,
    serverFactor: options.serverLoad * options.serverSlowdown,
  };
}

/** @throws {RangeError} */
function checkCut({ cuts }: NetworkInfo, id: string): void {
  if (cuts.some((cut) => cut.id === id)) return;
  throw new RangeError(`The network has no cut ${JSON.stringify(id)}; spinn inspect lists them`);
}

function described(network: NetworkInfo, found: Schedule, sla: Sla, options: PlanCommandOptions): string {
  const columns = options.explain ? [found, ...found.runnersUp] : [found];
  const headings = ["", "the plan", ...found.runnersUp.map((_, i) => `runner-up ${i + 1}`)].slice(
    0,
    1 + columns.length,
  );
  const row = (name: string, cell: (expected: Expected) => string): string[] => [
    name,
    ...columns.map(({ expected }) => cell(expected)),
  ];
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  const rows = [
    ["cut after", ...columns.map(({ plan }) => plan.cut)],
    ["codec", ...columns.map(({ plan }) => plan.codec)],
    ...network.exits.map(({ name }, exit) => [`${name} answers when`, ...columns.map((one) => sureness(one, exit))]),
    row("latency, mean", (e) => ms(e.latency.mean)),
    row("latency, half of all within", (e) => ms(e.latency.p50)),
    row("latency, 95 % within", (e) => ms(e.latency.p95)),
    row("latency, 99 % within", (e) => ms(e.latency.p99)),
    row("throughput", (e) => `${e.throughput.toFixed(1)} /s`),
    row("computing on the device", (e) => ms(e.deviceCost)),
    row("computing on the server", (e) => ms(e.serverCost)),
    row("energy on the device", (e) => `${e.energy.toFixed(1)} mJ`),
    row("right answers", (e) => percent(e.accuracy, 2)),
    row("… with a server that fails 1 in 10", (e) => percent(e.robustness, 2)),
    row("sent", (e) => bytes(Math.round(e.bytes))),
  ];
  return [table(headings, rows), "", ...reasons(found, sla, options)].join("\n");
}

function sureness({ plan, expected }: Planned, exit: number): string {
  const threshold = plan.thresholds[exit]!;
  const isLast = exit === plan.thresholds.length - 1;
  if (isLast) return percent(expected.exitRates[exit]!, 0).padStart(13);
  if (threshold > 1) return "not asked";
  return `${percent(threshold, 0)} sure: ${percent(expected.exitRates[exit]!, 0).padStart(4)}`;
}

function reasons(found: Schedule, { prefer = [] }: Sla, { link, explain }: PlanCommandOptions): string[] {
  const { designs, excluded, relaxed } = found;
  const wanted = prefer.map(printTarget).join(", then ");
  const broken = relaxed.map(({ constraint, got }) => `Cannot be kept: ${constraint}; the plan reaches ${figure(got)}`);
  const out = [...broken, `Chosen from ${designs} designs for: ${wanted}; over ${link}`];
  if (!explain) return out;
  const lines = excluded.map(({ constraint, count }) => `  ${constraint} excluded ${count}`);
  return [...out, ...lines, `Times were measured on this machine, ${availableParallelism()} cores`];
}

function figure(value: number): string {
  return String(Number(value.toPrecision(4)));
}
