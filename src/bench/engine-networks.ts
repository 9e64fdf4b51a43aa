// The networks that the engine is measured on: real classifiers given exits at the paper's fractions, and the shipped one.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { dataRoot } from "../data/index.ts";
import { addExits } from "../generator/index.ts";
import { type ModelProto, readModelFile } from "../onnx/index.ts";

const PLAIN = ["cifar10-resnet56", "imagenet-mobilenetv2", "imagenet-squeezenet1_1"] as const;
export const SHIPPED = "cifar10-vgg16";

export type EngineNetwork = (typeof PLAIN)[number] | typeof SHIPPED;
export const ENGINE_NETWORKS: readonly EngineNetwork[] = [...PLAIN, SHIPPED];

/** @throws {SpinnError} FileAccess when it is not on this machine */
export async function progressiveNetwork(name: EngineNetwork): Promise<ModelProto> {
  const model = await readModelFile(networkFile(name));
  return name === SHIPPED ? model : addExits(model, { seed: 1 });
}

export function networkFile(name: EngineNetwork): string {
  if (name === SHIPPED) return shippedFile(`models/${name}.spinn.onnx`);
  return join(dataRoot(), "models", `${name}.onnx`);
}

/** A file of the package, which this one lies two folders below, or three when benchmarks are compiled apart. */
function shippedFile(path: string): string {
  const places = ["../../", "../../../"].map((up) => fileURLToPath(new URL(up + path, import.meta.url)));
  return places.find((place) => existsSync(place)) ?? places[0]!;
}
