// `spinn experiment`: the paper's evaluation on this machine, as one HTML page and one JSON document.

import { existsSync } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cacheRoot, dataRoot } from "../../data/index.ts";
import type { LabNetwork } from "../../evaluate/experiments/experiment.ts";
import { headlineRows } from "../../evaluate/experiments/headlines.ts";
import { type ExperimentName, experimentNames, experiments } from "../../evaluate/experiments/index.ts";
import { openLabNetwork } from "../../evaluate/experiments/lab-network.ts";
import { type Results, runExperiments } from "../../evaluate/experiments/run-experiments.ts";
import { bar, duration, table } from "../format.ts";
import { interruptible } from "../interrupt.ts";
import type { Io } from "../io.ts";
import { buildCommand } from "./build.ts";
import { shippedModel } from "./demo.ts";

export interface ExperimentCommandOptions {
  out: string;
  seed: number;
  quick?: boolean;
  again?: boolean;
  json?: boolean;
}

const DATA = "cifar10";
/** Of each network, in the profile that everything is planned and simulated by. */
const IMAGES = 3000;
const QUICK_IMAGES = 240;

export async function experimentCommand(
  io: Io,
  name: ExperimentName | "all",
  options: ExperimentCommandOptions,
): Promise<void> {
  const { out, seed, quick = false, again = false, json = false } = options;
  const names = name === "all" ? experimentNames : [name];
  const started = performance.now();
  const found = await findNetworks(io, quick);
  for (const remark of found.remarks) io.err(remark);
  const images = quick ? QUICK_IMAGES : IMAGES;
  const results = await interruptible(io, async (signal) => {
    const onProgress = (what: string, share: number): void => io.status(`${bar(share, 16)} ${what}`);
    let opened: Promise<LabNetwork[]> | undefined;
    const networks = async (): Promise<LabNetwork[]> => {
      const all: LabNetwork[] = [];
      for (const network of found.networks) {
        io.err(`Profiling ${network.name}, unless that has been done`);
        all.push(await openLabNetwork({ ...network, data: DATA, images, seed, signal, onProgress }));
      }
      return all;
    };
    return await runExperiments({
      ...{ names, out, seed, quick, again, signal, onProgress },
      networks: () => {
        opened ??= networks();
        return opened;
      },
      networksKey: JSON.stringify([found.key, images]),
      remarks: found.remarks,
      onStart: (one, number, isKept) =>
        io.err(`${number + 1} of ${names.length}: ${experiments[one].question}${isKept ? " (done before)" : ""}`),
    });
  });
  io.status("");
  if (json)
    io.out(JSON.stringify(name === "all" ? results : { ...results.experiments[name], headlines: results.headlines }));
  else io.out(summary(results, out, (performance.now() - started) / 1000));
}

interface Found {
  readonly networks: readonly { readonly name: string; readonly path: string }[];
  readonly key: string;
  /** What is missing, or must be known of one. */
  readonly remarks: readonly string[];
}

/** The shipped model, and a ResNet-56 where its trunk is at hand, which is not ours to ship: it gets its exits first, once. */
async function findNetworks(io: Io, quick: boolean): Promise<Found> {
  const shipped = await shippedModel();
  const networks = [{ name: "VGG16", path: shipped }];
  const remarks = ["VGG16 is the model that comes with the package."];
  const resnet = join(cacheRoot(), "models", "cifar10-resnet56.spinn.onnx");
  const trunk = join(dataRoot(), "models", "cifar10-resnet56.onnx");
  if (!quick && !existsSync(resnet) && existsSync(trunk)) await buildResnet(io, trunk, resnet);
  if (existsSync(resnet)) {
    networks.push({ name: "ResNet-56", path: resnet });
    remarks.push("ResNet-56 is a pretrained network whose trunk was left as it is; only its exits were trained.");
  } else {
    const source = existsSync(trunk) ? trunk : "a trained cifar10-resnet56.onnx";
    remarks.push(
      `Without ResNet-56: there is no ${resnet}. To have it: npx spinn build ${source} --data cifar10 --epochs 2 --out ${resnet}`,
    );
  }
  const sizes = await Promise.all(networks.map(async ({ path }) => [path, (await stat(path)).mtimeMs]));
  return { networks, key: JSON.stringify(sizes), remarks };
}

/** One pass over the training images, some minutes: exits on a frozen trunk gain little by more. Goes on after Ctrl-C. */
async function buildResnet(io: Io, trunk: string, out: string): Promise<void> {
  io.err(`ResNet-56 gets its exits, once: ${out}`);
  await mkdir(dirname(out), { recursive: true });
  const training = { epochs: 1, seed: 1, head: "msdnet" } as const;
  const resume = existsSync(`${out}.checkpoint`);
  await buildCommand(io, trunk, { ...training, provider: ["cpu"], data: DATA, out, resume });
}

function summary({ headlines }: Results, out: string, seconds: number): string {
  const rows = headlineRows(headlines).map(({ what, wanted, found, isReached, where }) => [
    ...[what, wanted, found],
    ...[isReached ? "reached" : "NOT REACHED", where],
  ]);
  return [
    "",
    ...(rows.length > 0 ? [table(["headline", "wanted", "found", "", "where"], rows), ""] : []),
    `${join(out, "index.html")} and ${join(out, "results.json")}, after ${duration(seconds)}`,
  ].join("\n");
}
