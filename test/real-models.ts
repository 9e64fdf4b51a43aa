// The four real networks of ../shared/data/models, for tests. They are not part of the repository.

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { decodeModel } from "../src/onnx/codec.ts";
import type { ModelProto } from "../src/onnx/proto.ts";

const folder = new URL("../../shared/data/models/", import.meta.url);

export const REAL_MODELS = [
  "cifar10-resnet20",
  "cifar10-resnet56",
  "imagenet-mobilenetv2",
  "imagenet-squeezenet1_1",
] as const;
export type RealModel = (typeof REAL_MODELS)[number];

/** Skips the calling test, saying why, where the networks are not: `needRealModels(context.skip)`. */
export function needRealModels(skip: (condition: boolean, note?: string) => void): void {
  skip(!existsSync(folder), "the folder ../shared/data/models is not here");
}

export function realModelPath(name: RealModel): string {
  return fileURLToPath(new URL(`${name}.onnx`, folder));
}

export function realModel(name: RealModel): ModelProto {
  return decodeModel(readFileSync(realModelPath(name)));
}
