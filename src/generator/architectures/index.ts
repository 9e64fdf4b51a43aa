// The networks that can be built from scratch, by name.

import type { ModelProto } from "../../onnx/proto.ts";
import type { ArchitectureOptions, Builder } from "./architecture.ts";
import { mobilenetv2 } from "./mobilenetv2.ts";
import { resnet } from "./resnet.ts";
import { vgg16 } from "./vgg16.ts";

export type { ArchitectureOptions, Builder } from "./architecture.ts";

export type ArchitectureName = "resnet14" | "resnet20" | "resnet32" | "resnet56" | "vgg16" | "mobilenetv2";

export const architectures: Readonly<Record<ArchitectureName, Builder>> = {
  resnet14: resnet(14),
  resnet20: resnet(20),
  resnet32: resnet(32),
  resnet56: resnet(56),
  vgg16,
  mobilenetv2,
};

export function isArchitectureName(name: string): name is ArchitectureName {
  return Object.hasOwn(architectures, name);
}

/** An untrained classifier of the named architecture; see {@link Builder}. */
export function buildArchitecture(name: ArchitectureName, options: ArchitectureOptions): ModelProto {
  return architectures[name](options);
}
