// ONNX Runtime's optimiser by itself (Node only): a graph in, the graph that would run out. The result has operators and memory
// layouts for this processor and version of the runtime, and is good for nothing else.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { arch, cpus, platform, tmpdir } from "node:os";
import { join } from "node:path";
import { SpinnError } from "../errors.ts";
import type { ModelProto } from "../onnx/proto.ts";
import { createSession, runtimeVersion } from "./ort-node.ts";

/**
 * The ONNX file of the optimised graph. To be loaded with `optimization: "none"`.
 *
 * @throws {SpinnError} Runtime when the runtime refuses the model; FileAccess without a temporary folder
 */
export async function optimizeModel(model: ModelProto): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "spinn-optimize-")).catch((cause: unknown) => {
    throw new SpinnError("FileAccess", `Cannot write to ${tmpdir()}`, {
      hint: "Set TMPDIR to a folder that is",
      cause,
    });
  });
  try {
    const optimizedModelPath = join(folder, "optimized.onnx");
    const session = await createSession(model, { optimizedModelPath });
    await session.release();
    return await readFile(optimizedModelPath);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** All that decides what the optimiser makes of a graph: the runtime's version and the processor with its features. */
export async function optimizerFingerprint(): Promise<string> {
  const features = await readFile("/proc/cpuinfo", "latin1").then(
    (text) => /^(?:flags|Features)\s*:.*$/m.exec(text)?.[0],
    () => undefined, // not Linux: the name has to do
  );
  return [runtimeVersion, platform(), arch(), cpus()[0]?.model, features].join("\n");
}
