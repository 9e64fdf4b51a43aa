// The runtime in Node: onnxruntime-node. Its run() blocks the calling thread behind the promise, so a program that must
// answer meanwhile keeps its sessions in worker threads.

import * as ort from "onnxruntime-node";
import { SpinnError } from "../errors.ts";
import { encodeModel } from "../onnx/codec.ts";
import type { ModelProto } from "../onnx/proto.ts";
import { ortLoadFailure, ortMessage } from "./ort-failure.ts";
import { OrtSession } from "./ort-session.ts";
import type { Session, SessionOptions } from "./runtime.ts";

/** What the optimiser makes of a graph changes with it. */
export const runtimeVersion: string = ort.env.versions.node ?? "";

/** Loads a graph into onnxruntime-node: see {@link CreateSession}. */
export async function createSession(model: Uint8Array | ModelProto, options: SessionOptions = {}): Promise<Session> {
  const bytes = model instanceof Uint8Array ? model : encodeModel(model);
  // ONNX Runtime's warnings (unused initializers, fallbacks) are about its own work and would break `--json` output.
  ort.env.logLevel = "error";
  try {
    return new OrtSession(await ort.InferenceSession.create(bytes, sessionOptions(options)), ort.Tensor);
  } catch (error) {
    if (!ortMessage(error).includes("backend not found")) throw ortLoadFailure(error);
    const known = ort.listSupportedBackends().map((b) => b.name);
    throw new SpinnError("Runtime", `No such execution provider among ${options.executionProviders?.join(", ")}`, {
      hint: `This build has ${known.join(", ")}`,
      cause: error,
    });
  }
}

function sessionOptions(options: SessionOptions): ort.InferenceSession.SessionOptions {
  const optimization = options.optimization ?? "all";
  return {
    intraOpNumThreads: options.threads ?? 1,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: optimization === "none" ? "disabled" : optimization,
    executionProviders: options.executionProviders ?? ["cpu"],
    enableCpuMemArena: options.arena ?? true,
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: options.spinning ? "1" : "0" } } },
    ...(options.optimizedModelPath === undefined ? {} : { optimizedModelFilePath: options.optimizedModelPath }),
    ...(options.profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
  };
}
