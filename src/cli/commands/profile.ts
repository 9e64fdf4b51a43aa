// `spinn profile`: the part of a profile that holds on every device, into the model file.

import { basename } from "node:path";
import { type Dataset, subset } from "../../data/index.ts";
import { SpinnError } from "../../errors.ts";
import { recordOf } from "../../generator/calibrate.ts";
import { collectLogits } from "../../generator/collect-logits.ts";
import { calibrationImages } from "../../generator/index.ts";
import { type ModelProto, readModelFile, writeModelFile } from "../../onnx/index.ts";
import { codingName, profileModel } from "../../profiler/index.ts";
import { type Metadata, type NetworkProfile, readMetadata, withMetadata } from "../../progressive/index.ts";
import { accuracies } from "../../progressive/policy-outcome.ts";
import { codecOf } from "../../scheduler/index.ts";
import { bar, bytes, duration, percent, table } from "../format.ts";
import { interruptible } from "../interrupt.ts";
import type { Io } from "../io.ts";
import { checkWritable, open } from "../options.ts";

export interface ProfileCommandOptions {
  data: string;
  images?: number;
  cuts: number;
  seed: number;
  trainingSeed: number;
  threads?: number;
  out?: string;
  json?: boolean;
}

/** Plain JSON. */
export interface ProfileReport {
  readonly model: string;
  readonly dataset: string;
  readonly images: number;
  /** Of each exit of the unsplit network. */
  readonly top1: readonly number[];
  readonly cuts: readonly {
    readonly id: string;
    readonly exitsBehind: number;
    readonly codecs: readonly {
      readonly codec: string;
      /** Mean. */
      readonly bytes: number;
      /** Of the exits behind the cut. */
      readonly top1: readonly number[];
    }[];
  }[];
}

/** Enough to tell whether these are the images that the record speaks of. */
const SAMPLE = 32;

export async function profileCommand(io: Io, path: string, options: ProfileCommandOptions): Promise<void> {
  const { out = path, images, cuts, seed, threads, json } = options;
  await checkWritable(out);
  const model = await readModelFile(path);
  const metadata = readMetadata(model);
  const began = performance.now();
  await interruptible(io, async (signal) => {
    const { dataset, isOwn } = await heldOutImages(io, model, metadata, options, signal);
    const profile = await profileModel(model, dataset, {
      cuts,
      seed,
      signal,
      ...(images !== undefined && { images: Math.min(images, dataset.length) }),
      ...(threads !== undefined && { threads }),
      ...(isOwn && metadata?.calibration && { known: metadata.calibration }),
      ...(metadata?.profile && { previous: metadata.profile }),
      onProgress: ({ done, total }) => io.status(`${bar(done / total)} ${done} of ${total} images`),
    });
    io.status("");
    await writeModelFile(out, withMetadata(model, { profile }));
    const { images: done } = profile.record;
    if (signal.aborted)
      throw new SpinnError("Aborted", `Stopped; ${out} has a profile of ${done} images`, {
        hint: "The same command goes on from there",
      });
    const report = reportOf(basename(path), profile);
    io.err(`${done} images of ${dataset.name} in ${duration((performance.now() - began) / 1000)}; wrote ${out}`);
    io.out(json ? JSON.stringify(report) : profileTable(report));
  });
}

/**
 * What the exits were calibrated on, as neither training nor an evaluation uses it; else, with a warning, the test images.
 *
 * @throws {SpinnError} InvalidData when images of that name are others
 */
async function heldOutImages(
  io: Io,
  model: ModelProto,
  metadata: Metadata | undefined,
  { data, trainingSeed }: ProfileCommandOptions,
  signal: AbortSignal,
): Promise<{ dataset: Dataset; isOwn: boolean }> {
  const record = metadata?.calibration;
  const test = await open(io, data, "test", signal);
  const own =
    record &&
    (calibrationImages(test, record, trainingSeed) ??
      calibrationImages(await open(io, data, "train", signal), record, trainingSeed));
  if (!own) {
    const why = record ? `The exits were calibrated on ${record.dataset}` : "The exits were not calibrated";
    io.err(`${why}: profiling on ${test.name}, which no evaluation should use then`);
    return { dataset: test, isOwn: false };
  }
  const size = Math.min(SAMPLE, own.length);
  const logits = await collectLogits(
    model,
    subset(
      own,
      Array.from({ length: size }, (_, i) => i),
    ),
  );
  const now = recordOf(logits, record.temperatures);
  const differ = now.confidences.filter((confidence, i) => Math.abs(confidence - record.confidences[i]!) > 0.02).length;
  if (differ > now.confidences.length / 10)
    throw new SpinnError(
      "InvalidData",
      `These are not the images of ${record.dataset} that the exits were calibrated on`,
      {
        hint: "Name the seed of the training with --training-seed",
      },
    );
  return { dataset: own, isOwn: true };
}

function reportOf(model: string, { dataset, record, cuts }: NetworkProfile): ProfileReport {
  const mean = (values: Float64Array): number => values.reduce((a, b) => a + b, 0) / values.length;
  return {
    model,
    dataset,
    images: record.images,
    top1: accuracies(record),
    cuts: cuts.map(({ id, behind, widths }) => ({
      id,
      exitsBehind: behind,
      codecs: widths.flatMap(({ bits, record: left, codecs }) =>
        codecs.map(({ codec, bytes: sent }) => ({
          codec: codingName({ codec, bits }),
          bytes: mean(sent),
          top1: accuracies(left),
        })),
      ),
    })),
  };
}

function profileTable({ cuts, top1 }: ProfileReport): string {
  const all = cuts.flatMap(({ codecs }) => codecs);
  const names = [...new Set(all.map(({ codec }) => codec))];
  const widths = [...new Set(names.map(widthOf))].filter((bits) => bits < 32);
  const rows = cuts.map(({ id, codecs }) => {
    const sent = names.map((name) => bytes(Math.round(codecs.find(({ codec }) => codec === name)?.bytes ?? 0)));
    const right = widths.map((bits) =>
      percent(codecs.find(({ codec }) => widthOf(codec) === bits)?.top1.at(-1) ?? 0, 2),
    );
    return [id, ...sent, ...right];
  });
  const headings = ["cut after", ...names, ...widths.map((bits) => `right, ${bits} bits`)];
  return [
    table(headings, rows),
    "",
    `Sent for an image, and how often the final exit is right then; unsplit ${percent(top1.at(-1)!, 2)}`,
  ].join("\n");
}

function widthOf(codec: string): number {
  return codecOf(codec).bits;
}
