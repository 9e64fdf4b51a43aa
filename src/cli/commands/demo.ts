// `spinn demo`: the main job on real images. A server, devices as slow as phones and a mobile link between them, all on this
// machine; SPINN beside device-only and server-only, through an outage of the server.

import { readdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import type { Plan } from "../../engine/index.ts";
import { SpinnError } from "../../errors.ts";
import {
  DEVICE_ONLY_PHONES,
  type DemoOptions,
  type DemoResult,
  PATIENCE_MS,
  type Policy,
  parseLink,
  runDemo,
  type Summary,
} from "../../evaluate/index.ts";
import { countMacs, readModelFile } from "../../onnx/index.ts";
import { packageFile } from "../../package-file.ts";
import { type Metadata, readMetadata } from "../../progressive/index.ts";
import { bar, bytes, duration, macs, percent, table } from "../format.ts";
import { interruptible } from "../interrupt.ts";
import type { Io } from "../io.ts";
import { open } from "../options.ts";

/** As accurate as can be, but for 1 point; as soon as possible, but for a tenth; and so that the phone has little to do. */
const DEMO_TARGETS = ["max accuracy within 1%", "min latency within 10%", "min device-cost"];

export interface DemoCommandOptions {
  images: number;
  threshold?: number;
  require?: readonly string[];
  prefer?: readonly string[];
  cut: string;
  link: string;
  deviceSlowdown: number;
  continue: DemoOptions["continueLocally"];
  outage: boolean;
  json?: boolean;
}

/** The model that comes with the package. */
export async function shippedModel(): Promise<string> {
  const folder = packageFile("models");
  const files = await readdir(folder).catch(() => []);
  const name = files.find((f) => /^cifar10-.*\.spinn\.onnx$/.test(f));
  if (name) return join(folder, name);
  throw new SpinnError("FileAccess", `There is no cifar10-*.spinn.onnx in ${folder}`, {
    hint: "Install the package again",
  });
}

export async function demoCommand(io: Io, options: DemoCommandOptions): Promise<void> {
  parseLink(options.link); // wrong ones are told before anything starts
  const path = await shippedModel();
  const model = await readModelFile(path);
  const metadata = readMetadata(model)!;
  await interruptible(io, async (signal) => {
    const dataset = await open(io, "cifar10", "test", signal);
    const count = Math.min(options.images, dataset.length);
    const images = Array.from({ length: count }, (_, i) => Math.floor((i * dataset.length) / count));
    io.err(
      [
        `${basename(path)}: ${macs(countMacs(model).total)} multiply-adds an image, ${metadata.exits.length} early exits`,
        `${count} CIFAR-10 test images over an emulated link of ${options.link}; devices are this machine's cores, ${options.deviceSlowdown} times slowed`,
        "Starting a server and the devices ...",
      ].join("\n"),
    );
    const began = performance.now();
    const demo = await runDemo(
      {
        model: path,
        data: "cifar10",
        images,
        exits: metadata.exits.length + 1,
        link: options.link,
        slowdown: options.deviceSlowdown,
        cut: options.cut,
        ...(options.threshold === undefined ? {} : { threshold: options.threshold }),
        sla: { require: options.require ?? [], prefer: options.prefer ?? DEMO_TARGETS },
        continueLocally: options.continue,
        outage: options.outage,
        signal,
      },
      {
        started: (plan) => io.err(`SPINN's plan for ${agreement(options)}:\n  ${planLine(plan, metadata)}`),
        planned: (plan, done) => io.err(`After ${done} images: another plan: ${planLine(plan, metadata)}`),
        progress: (done, up) => io.status(progressLine(done, count, up)),
        server: (up, done) => io.err(`After ${done} images: the server ${up ? "is back" : "was killed (SIGKILL)"}`),
      },
    );
    io.status("");
    if (options.json) io.out(JSON.stringify(demo));
    else io.out(report(demo, metadata, options, (performance.now() - began) / 1000));
  });
}

function agreement({ require = [], prefer = DEMO_TARGETS }: DemoCommandOptions): string {
  return [...require, ...prefer].map((one) => `"${one}"`).join(", then ");
}

function planLine({ cut, thresholds, codec }: Plan, { exits }: Metadata): string {
  const place =
    cut === "none"
      ? "everything stays on the device"
      : cut === "input"
        ? "everything goes to the server"
        : `cut after ${cut}`;
  const passed = exits.map(({ at, name }) => (at === cut ? `, right behind ${name}` : "")).join("");
  const asked = [...exits.map(({ name }) => name), "final"].flatMap((name, i) =>
    thresholds[i]! > 1 || i === exits.length ? [] : [`${name} ${percent(thresholds[i]!, 0)}`],
  );
  const oneForAll = new Set(thresholds).size === 1;
  const sure = oneForAll
    ? `when it is ${percent(thresholds[0]!, 0)} sure`
    : `when it is sure enough: ${asked.join(", ")}`;
  const how = cut === "none" ? "" : `; codec ${codec}`;
  return `${place}${passed}; an exit answers ${sure}${how}`;
}

function progressLine(done: Readonly<Record<Policy, number>>, count: number, serverUp: boolean): string {
  const server = serverUp ? "server up" : "SERVER DOWN";
  return `SPINN ${bar(done.spinn / count, 16)} ${done.spinn} of ${count}  device only ${done.deviceOnly}  server only ${done.serverOnly}  ${server}`;
}

function report(demo: DemoResult, metadata: Metadata, options: DemoCommandOptions, seconds: number): string {
  const { deviceOnly, serverOnly } = demo.rivals;
  const columns = [demo, deviceOnly, serverOnly];
  const row = (name: string, cell: (summary: Summary) => string): string[] => [name, ...columns.map(cell)];
  const ms = (value: number): string => (Number.isFinite(value) ? `${value.toFixed(1)} ms` : "-");
  const figures = table(
    ["", "SPINN", "device only", "server only"],
    [
      row("answered", (s) => `${s.answered} of ${s.images}`),
      row("right answers", (s) => percent(s.accuracy)),
      row("latency, mean", (s) => ms(s.latencyMs.mean)),
      row("latency, half of all within", (s) => ms(s.latencyMs.p50)),
      row("latency, 95 % within", (s) => ms(s.latencyMs.p95)),
      row("computing on the device", (s) => ms(s.deviceMsMean)),
      row("computing on the server", (s) => ms(s.serverMsMean)),
      row("sent per image", (s) => bytes(Math.round(s.bytesUpMean))),
      row("answered by the server", (s) => String(s.sources.server)),
    ],
  );
  const names = [...metadata.exits.map((e) => `${e.name} (${percent(e.flopsFraction, 0)} of the FLOPs)`), "final"];
  const width = Math.max(...names.map((n) => n.length));
  const exits = names.map((name, i) => {
    const rate = demo.exits[i]! / Math.max(1, demo.answered);
    return `  ${name.padEnd(width)}  ${bar(rate)} ${percent(rate).padStart(6)}`;
  });
  return [
    "",
    figures,
    "",
    "Where SPINN's answers came from:",
    ...exits,
    "",
    ...verdict(demo, options),
    "",
    `${duration(seconds)} on ${availableParallelism()} cores. Latency is from the image's pixels to its label. The devices' times are real times of this`,
    `machine's cores multiplied by ${options.deviceSlowdown}, about an old phone's speed (--device-slowdown); the server's are as they are. Device only and server`,
    `only run the same network without its early exits; device only on ${DEVICE_ONLY_PHONES} phones at once. Server only waits ${PATIENCE_MS} ms before it gives an image up.`,
    "",
    "Next: npx spinn serve | infer | inspect | eval | build | train --help",
  ].join("\n");
}

/** What the figures say, whichever way they went. */
function verdict(demo: DemoResult, options: DemoCommandOptions): string[] {
  const { deviceOnly, serverOnly } = demo.rivals;
  const lines = [
    compare("device only", demo, deviceOnly),
    compare("server only", demo, serverOnly),
    `The server works ${percent(demo.serverMsMean / serverOnly.serverMsMean, 0)} of server only's time, the device ${percent(demo.deviceMsMean / deviceOnly.deviceMsMean, 0)} of device only's`,
  ];
  if (options.outage) {
    const { from, to, answered, lost } = demo.outage;
    lines.push(
      `Without a server (images ${from + 1} to ${to}): SPINN answered ${answered}, lost ${lost}; server only lost ${serverOnly.images - serverOnly.answered} images`,
    );
  }
  return lines;
}

function compare(rival: string, ours: Summary, theirs: Summary): string {
  const ratio = theirs.latencyMs.mean / ours.latencyMs.mean;
  if (!Number.isFinite(ratio)) return `Against ${rival}: nothing to compare`;
  const pace = (times: number): string =>
    times >= 1 ? `${times.toFixed(2)} times as fast` : `${(1 / times).toFixed(2)} times as slow`;
  const hard = theirs.latencyMs.p95 / ours.latencyMs.p95;
  return `Against ${rival}: ${pace(ratio)} on average, ${pace(hard)} for one image in 20`;
}
