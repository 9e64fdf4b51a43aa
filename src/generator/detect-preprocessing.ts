// A plain ONNX file does not say how pixels become its input. Trying the well-known conventions on labelled images does.

import type { Dataset } from "../data/index.ts";
import { SpinnError } from "../errors.ts";
import { type Preprocessing, preprocessings } from "../image/index.ts";
import { graphOf, indexGraph } from "../onnx/graph-index.ts";
import type { ModelProto } from "../onnx/proto.ts";
import { inferShapes } from "../onnx/shapes.ts";
import { evaluate } from "./evaluate.ts";

export interface DetectedPreprocessing {
  /** Its name in `preprocessings`. */
  readonly name: string;
  readonly preprocessing: Preprocessing;
  /** Accuracy of the network with it, on the images tried. */
  readonly top1: number;
  readonly images: number;
}

/** Enough to tell conventions apart: the wrong one costs a few points at least. */
const IMAGES = 256;

/** `preset` for a network whose images have these dimensions. */
export function presetFor(preset: keyof typeof preprocessings, model: ModelProto): Preprocessing {
  const [, height, width] = imageDims(model);
  return { ...preprocessings[preset], width, height };
}

/**
 * The known convention with which a trained classifier is right most often.
 *
 * @throws {SpinnError} UnsupportedModel when with none of them it is clearly better than guessing
 */
export async function detectPreprocessing(
  model: ModelProto,
  dataset: Dataset,
  signal?: AbortSignal,
): Promise<DetectedPreprocessing> {
  const [channels, , width] = imageDims(model);
  // Of equally good ones the first is taken, the one for images of about this size: on images of just the network's own
  // size nothing tells stretching from cropping, and other images will come.
  const misfit = (name: keyof typeof preprocessings): number => Math.abs(preprocessings[name].width - width);
  const names = (Object.keys(preprocessings) as (keyof typeof preprocessings)[])
    .filter((name) => preprocessings[name].channels === channels)
    .sort((a, b) => misfit(a) - misfit(b));
  let best: DetectedPreprocessing | undefined;
  for (const name of names) {
    const preprocessing = presetFor(name, model);
    const options = { preprocessing, limit: IMAGES, thresholds: [], ...(signal && { signal }) };
    const { exits, images } = await evaluate(model, dataset, options);
    const top1 = exits.at(-1)!.top1;
    if (!best || top1 > best.top1) best = { name, preprocessing, top1, images };
  }
  if (best && best.top1 > clearlyRight(dataset.classes.length)) return best;
  const found = best ? `at best ${(100 * best.top1).toFixed(1)} % right with "${best.name}"` : "none takes such images";
  throw new SpinnError("UnsupportedModel", `No known preprocessing fits the network on ${dataset.name}: ${found}`, {
    hint: "Give it with --preprocessing FILE.json, and check that the data set has the network's classes",
  });
}

/** Twice the accuracy of guessing; halfway between guessing and perfection where there are few classes. */
function clearlyRight(classes: number): number {
  return Math.min(2 / classes, (1 + 1 / classes) / 2);
}

function imageDims(model: ModelProto): readonly [channels: number, height: number, width: number] {
  const { inputs } = indexGraph(graphOf(model));
  const dims = inputs[0] ? inferShapes(model).get(inputs[0].name)?.dims : undefined;
  if (inputs.length !== 1 || dims?.length !== 4) {
    throw new SpinnError("UnsupportedModel", "The network does not take one image [N, C, H, W]");
  }
  return [dims[1]!, dims[2]!, dims[3]!];
}
