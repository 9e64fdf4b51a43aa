// `spinn train`: a network with exits, trained jointly from scratch.

import { adamDefaults, sgdDefaults } from "../../autodiff/optimizer.ts";
import type { Dataset } from "../../data/index.ts";
import { type ArchitectureName, trainProgressive } from "../../generator/index.ts";
import { type Preprocessing, preprocessings } from "../../image/index.ts";
import { writeModelFile } from "../../onnx/index.ts";
import { interruptible } from "../interrupt.ts";
import type { Io } from "../io.ts";
import { augmentationFor, open } from "../options.ts";
import { finished, runOptions, type TrainingOptions } from "../training-run.ts";

export interface TrainCommandOptions extends TrainingOptions {
  arch: ArchitectureName;
  width?: number;
  optimizer: "sgd" | "adam";
  schedule: "cosine" | "steps";
  weightDecay?: number;
  labelSmoothing?: number;
  averageDecay?: number;
  heldOut?: number;
}

export async function trainCommand(io: Io, options: TrainCommandOptions): Promise<void> {
  const started = performance.now();
  await interruptible(io, async (signal) => {
    const run = await runOptions(io, options, signal);
    const dataset = await open(io, options.data, "train", signal);
    const preprocessing = preprocessingFor(dataset);
    const { weightDecay, labelSmoothing, averageDecay, heldOut } = options;
    const optimizer = options.optimizer === "sgd" ? sgdDefaults : adamDefaults;
    const { model } = await trainProgressive({
      ...run,
      architecture: options.arch,
      ...(options.width !== undefined && { width: options.width }),
      dataset,
      preprocessing,
      augmentation: augmentationFor(preprocessing),
      optimizer: { ...optimizer, ...(weightDecay !== undefined && { weightDecay }) },
      learningRate: learningRate(options),
      ...(labelSmoothing !== undefined && { labelSmoothing }),
      ...(averageDecay !== undefined && { averageDecay }),
      ...(heldOut !== undefined && { heldOut }),
    });
    await writeModelFile(options.out, model);
    await finished(io, options.out, run.checkpoint.path, started);
  });
}

/** The architectures take sides that are multiples of 32; other images are stretched to 32x32. */
function preprocessingFor({ name, width = 0, height = 0 }: Dataset): Preprocessing {
  const convention = name.startsWith("mnist") ? preprocessings.mnist : preprocessings.cifar;
  const fits = width > 0 && width % 32 === 0 && height > 0 && height % 32 === 0;
  return { ...convention, width: fits ? width : 32, height: fits ? height : 32 };
}

function learningRate({ lr, schedule, epochs, optimizer }: TrainCommandOptions) {
  const peak = lr ?? (optimizer === "adam" ? 0.001 : 0.1);
  if (schedule === "cosine") return { kind: "cosine" as const, peak, warmupEpochs: Math.min(1, epochs / 4) };
  // Where SDN divides by ten: epochs 35, 60 and 85 of 100.
  return { kind: "steps" as const, peak, milestones: [0.35, 0.6, 0.85].map((m) => m * epochs) };
}
