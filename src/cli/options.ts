// Options that several commands share, and the parsers that say what is wrong with a value.

import { randomBytes } from "node:crypto";
import { open as openFile, readFile, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InvalidArgumentError } from "commander";
import { type Augmentation, augmentations, type Dataset, openDataset, type Split } from "../data/index.ts";
import { messageOf, SpinnError } from "../errors.ts";
import { presetFor } from "../generator/detect-preprocessing.ts";
import type { HeadOptions } from "../generator/index.ts";
import { isHeadKind } from "../generator/index.ts";
import { type Preprocessing, parsePreprocessing, preprocessings } from "../image/index.ts";
import type { ModelProto } from "../onnx/index.ts";
import type { Io } from "./io.ts";

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError("It must be a positive integer.");
}

export function naturalNumber(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError("It must be 0 or a positive integer.");
}

export function port(text: string): number {
  const value = naturalNumber(text);
  if (value < 2 ** 16) return value;
  throw new InvalidArgumentError("It must be a port, at most 65535.");
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("It must be a positive number.");
}

export function nonNegativeNumber(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError("It must be 0 or a positive number.");
}

export function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value < 1) return value;
  throw new InvalidArgumentError("It must be a number in [0, 1).");
}

export function confidence(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError("It must be a number in [0, 1].");
}

/** `0.7,0.9,…` */
export function confidences(text: string): number[] {
  return text.split(",").map(confidence);
}

export function atLeastOne(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 1) return value;
  throw new InvalidArgumentError("It must be 1 or more.");
}

/** For an option that may be given more than once: all that it was given. */
export function eachOf(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** `0.15,0.3,…` */
export function fractions(text: string): number[] {
  const values = text.split(",").map(Number);
  const rising = values.every((v, i) => v > (values[i - 1] ?? 0) && v < 1);
  if (rising) return values;
  throw new InvalidArgumentError("They must be numbers that rise inside (0, 1), like 0.15,0.3,0.45.");
}

export function headKind(text: string): NonNullable<HeadOptions["kind"]> {
  if (isHeadKind(text)) return text;
  throw new InvalidArgumentError("It must be msdnet, sdn or linear.");
}

/** `cuda,cpu` */
export function providers(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.every((name) => /^[a-z]+$/i.test(name))) return names;
  throw new InvalidArgumentError("They must be names like cpu or cuda,cpu.");
}

/** Opens a data set and says what takes time. */
export async function open(io: Io, spec: string, split: Split, signal: AbortSignal): Promise<Dataset> {
  return openDataset(spec, { split, signal, onProgress: (line) => io.err(line) });
}

/** The name of a known convention, or a JSON file. @throws {SpinnError} Usage, FileAccess or InvalidModel */
export async function readPreprocessing(text: string, model: ModelProto): Promise<Preprocessing> {
  if (Object.hasOwn(preprocessings, text)) return presetFor(text as keyof typeof preprocessings, model);
  let json: unknown;
  try {
    json = JSON.parse(await readFile(text, "utf8"));
  } catch (cause) {
    const known = Object.keys(preprocessings).join(", ");
    throw new SpinnError("Usage", `Cannot read the preprocessing "${text}": ${messageOf(cause)}`, {
      hint: `Name a JSON file or one of ${known}`,
      cause,
    });
  }
  try {
    return parsePreprocessing(json);
  } catch (cause) {
    throw new SpinnError("InvalidData", `${text}: ${messageOf(cause)}`, { cause });
  }
}

/** One class name a line. */
export async function readLabels(path: string): Promise<string[]> {
  try {
    return (await readFile(path, "utf8")).split(/\r?\n/).filter((line, i, all) => line !== "" || i < all.length - 1);
  } catch (cause) {
    throw new SpinnError("FileAccess", `Cannot read the labels ${path}`, { hint: "Check the path", cause });
  }
}

/** Fails before hours of work, not after: can the result be written there? */
export async function checkWritable(path: string): Promise<void> {
  const folder = dirname(path);
  // Tried, not asked for: permissions do not tell of read-only disks, and a file has them as well as a folder.
  const probe = join(folder, `.spinn-${process.pid}-${randomBytes(4).toString("hex")}.tmp`);
  try {
    await (await openFile(probe, "wx")).close();
    await rm(probe);
  } catch (cause) {
    throw new SpinnError("FileAccess", `Cannot write to the folder ${folder}`, {
      hint: "Create it or choose another",
      cause,
    });
  }
  if ((await stat(path).catch(() => undefined))?.isDirectory()) {
    throw new SpinnError("FileAccess", `${path} is a folder`, { hint: "Name a file" });
  }
}

/** The file of an unfinished run, and whether to go on with it. @throws {SpinnError} Usage when that is left open */
export async function checkpointOf(
  out: string,
  options: { checkpoint?: string; resume?: boolean; restart?: boolean },
): Promise<{ checkpoint: { path: string }; resume: boolean }> {
  const path = options.checkpoint ?? `${out}.checkpoint`;
  const { resume = false, restart = false } = options;
  if (resume && restart)
    throw new SpinnError("Usage", "--resume and --restart contradict each other", { hint: "Choose one" });
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  if (exists && !resume && !restart) {
    throw new SpinnError("Usage", `${path} holds an unfinished run`, {
      hint: "Add --resume to go on with it, or --restart to begin again",
    });
  }
  return { checkpoint: { path }, resume };
}

/** What training varies in images like these: crops and mirror images, no mirror for digits. */
export function augmentationFor({ channels, width }: Pick<Preprocessing, "channels" | "width">): Augmentation {
  if (channels === 1) return augmentations.mnist;
  return width <= 64 ? augmentations.cifar : augmentations.photo;
}
