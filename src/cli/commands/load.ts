// `spinn load`: many emulated devices on a server, each with its own cut, thresholds and images, and what became of their requests.

import { openNodeNetwork } from "../../compute/index.ts";
import { openDataset } from "../../data/index.ts";
import type { SlicedNetwork } from "../../engine/index.ts";
import { SpinnError } from "../../errors.ts";
import { percentile, startServerProcess } from "../../evaluate/index.ts";
import {
  type LoadCounts,
  type LoadTask,
  makeSamples,
  mixedDevices,
  noiseInputs,
  openLoad,
  spreadCuts,
} from "../../evaluate/load/index.ts";
import { preprocess } from "../../image/index.ts";
import { readModelFile } from "../../onnx/index.ts";
import { packageFile } from "../../package-file.ts";
import { tokenText } from "../../transport/bearer.ts";
import { table } from "../format.ts";
import { interruptible } from "../interrupt.ts";
import type { Io } from "../io.ts";
import { readToken } from "../read-token.ts";

export interface LoadCommandOptions {
  server?: string;
  tokenFile?: string;
  devices: number;
  seconds: number;
  /** Requests a second and device; absent: the next when the last is answered. */
  rate?: number;
  inFlight: number;
  cuts?: string[];
  thresholds: number[];
  deadline?: number;
  data?: string;
  images: number;
  processes: number;
  seed: number;
  json?: boolean;
}

/** Plain JSON. */
export interface LoadReport {
  readonly devices: number;
  readonly requests: number;
  /** By the server, in time. */
  readonly answered: number;
  /** By the device itself. */
  readonly own: number;
  readonly lost: number;
  readonly wrong: number;
  readonly late: number;
  /** Answers of the server a second. */
  readonly rps: number;
  readonly latencyMs: { readonly p50: number | null; readonly p95: number | null; readonly p99: number | null };
  readonly refused: number;
}

const SHIPPED = packageFile("models/cifar10-vgg16.spinn.onnx");
const DEFAULT_CUTS = 8;

export async function loadCommand(io: Io, model: string = SHIPPED, options: LoadCommandOptions): Promise<void> {
  const { devices, seconds, processes, json } = options;
  await interruptible(io, async (signal) => {
    io.status("What the devices send…");
    const token = await readToken(options.tokenFile);
    const task = await taskFor(io, model, options);
    const own = options.server === undefined ? await startServerProcess({ models: [model] }) : undefined;
    const server = options.server ?? `ws://127.0.0.1:${own!.port}`;
    try {
      const load = await openLoad(
        { ...task, server, ...(token !== undefined && { token: await tokenText(token) }) },
        processes,
      );
      // whoever is in the middle of a run hears of it by its connection
      signal.addEventListener("abort", () => void load.close(), { once: true });
      try {
        io.status(`${devices} devices, ${seconds} s…`);
        const { all } = await load.run(seconds);
        if (signal.aborted) throw new SpinnError("Aborted", "Stopped while under load");
        const report = reportOf(all!, devices, seconds);
        io.status("");
        for (const problem of all!.problems) io.err(problem);
        io.out(json ? JSON.stringify(report) : described(report));
      } finally {
        await load.close();
      }
    } finally {
      await own?.stop();
    }
  });
}

async function taskFor(io: Io, path: string, options: LoadCommandOptions): Promise<Omit<LoadTask, "server">> {
  const { devices, thresholds, rate, inFlight, deadline, seed } = options;
  const network = await openNodeNetwork(await readModelFile(path));
  try {
    const { info } = network;
    const cuts = options.cuts ?? spreadCuts(info, DEFAULT_CUTS);
    const unknown = cuts.find((id) => id === "none" || !info.cuts.some((cut) => cut.id === id));
    if (unknown !== undefined)
      throw new SpinnError("Usage", `Devices cannot hand over at ${JSON.stringify(unknown)}`, {
        hint: "spinn inspect lists the cuts",
      });
    const samples = await makeSamples(network, await inputsFor(network, options), cuts);
    const thresholdOf = (index: number): number => thresholds[index % thresholds.length]!;
    const plans = mixedDevices(info, samples, {
      devices,
      seed,
      thresholds: (index) => info.exits.map(() => thresholdOf(index)),
      pace: rate === undefined ? { kind: "closed", inFlight } : { kind: "open", perSecond: rate },
      ...(deadline !== undefined && { deadlineMs: deadline }),
    });
    const raised = plans.filter((plan, index) => plan.thresholds[0] !== thresholdOf(index)).length;
    if (raised > 0) io.err(`${raised} of ${devices} devices would send nothing at their thresholds: theirs is 1`);
    return { modelHash: info.modelHash, samples, devices: plans };
  } finally {
    await network.release();
  }
}

async function inputsFor({ info }: SlicedNetwork, options: LoadCommandOptions): Promise<Float32Array[]> {
  const { data, images, seed } = options;
  if (data === undefined) return noiseInputs(info, images, seed);
  const { preprocessing } = info;
  if (!preprocessing)
    throw new SpinnError("UnsupportedModel", "The network does not say how it reads images", {
      hint: "Leave out --data: the devices then send noise",
    });
  const dataset = await openDataset(data, { split: "test" });
  const count = Math.min(images, dataset.length);
  const places = Array.from({ length: count }, (_, i) => Math.floor((i * dataset.length) / count));
  return await Promise.all(places.map(async (i) => preprocess(await dataset.pixels(i), preprocessing)));
}

function reportOf(counts: LoadCounts, devices: number, seconds: number): LoadReport {
  const { requests, answered, own, lost, wrong, late, refused } = counts;
  const sorted = counts.latenciesMs.toSorted((a, b) => a - b);
  const at = (p: number): number | null => (sorted.length > 0 ? percentile(sorted, p) : null);
  const latencyMs = { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
  return { devices, requests, answered, own, lost, wrong, late, rps: answered / seconds, latencyMs, refused };
}

function described(report: LoadReport): string {
  const { devices, requests, answered, own, lost, wrong, late, rps, latencyMs, refused } = report;
  const ms = (value: number | null): string => (value === null ? "–" : value.toFixed(1));
  const rows = [
    ["devices", String(devices)],
    ["requests", String(requests)],
    ["answered by the server", `${answered} (${rps.toFixed(1)}/s)`],
    ["answered by the devices", `${own}, of these refused ${refused}`],
    ["lost, wrong, late", `${lost}, ${wrong}, ${late}`],
    ["latency p50, p95, p99", `${ms(latencyMs.p50)}, ${ms(latencyMs.p95)}, ${ms(latencyMs.p99)} ms`],
  ];
  return table(["what", "how many"], rows);
}
