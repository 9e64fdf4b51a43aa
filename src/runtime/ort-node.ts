// The runtime in Node: onnxruntime-node. Its run() blocks the calling thread behind the promise, so a program that must
// answer meanwhile keeps its sessions in worker threads.

import * as ort from "onnxruntime-node";
import { type ErrorCode, SpinnError } from "../errors.ts";
import { encodeModel } from "../onnx/codec.ts";
import type { ModelProto } from "../onnx/proto.ts";
import type { Tensor, TensorData, TensorType } from "../tensor.ts";
import type { Session, SessionOptions, Tensors } from "./runtime.ts";

/** Element types that both sides have; a boolean is a byte for us. */
const FROM_ORT: Readonly<Partial<Record<ort.Tensor.Type, TensorType>>> = {
  float32: "float32",
  float64: "float64",
  uint8: "uint8",
  int8: "int8",
  int32: "int32",
  int64: "int64",
  bool: "uint8",
};

/** How much of ONNX Runtime's own message reaches the user. */
const MAX_DETAIL = 240;

/** Loads a graph into onnxruntime-node: see {@link CreateSession}. */
export async function createSession(model: Uint8Array | ModelProto, options: SessionOptions = {}): Promise<Session> {
  const bytes = model instanceof Uint8Array ? model : encodeModel(model);
  // ONNX Runtime's warnings (unused initializers, fallbacks) are about its own work and would break `--json` output.
  ort.env.logLevel = "error";
  try {
    return new OrtNodeSession(await ort.InferenceSession.create(bytes, sessionOptions(options)));
  } catch (error) {
    const message = textOf(error);
    if (message.includes("protobuf parsing failed")) {
      throw new SpinnError("InvalidModel", "ONNX Runtime cannot read the model: the bytes are not ONNX", {
        hint: "Check that the file is complete",
        cause: error,
      });
    }
    if (message.includes("backend not found")) {
      const known = ort.listSupportedBackends().map((b) => b.name);
      throw new SpinnError("Runtime", `No such execution provider among ${options.executionProviders?.join(", ")}`, {
        hint: `This build has ${known.join(", ")}`,
        cause: error,
      });
    }
    throw failure("Runtime", "ONNX Runtime refuses the model", error);
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
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: options.spinning ? "1" : "0" } } },
    ...(options.profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
  };
}

class OrtNodeSession implements Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #session: ort.InferenceSession;
  readonly #booleans: ReadonlySet<string>;
  #released = false;

  constructor(session: ort.InferenceSession) {
    this.#session = session;
    this.inputNames = session.inputNames;
    this.outputNames = session.outputNames;
    this.#booleans = new Set(session.inputMetadata.filter((m) => m.isTensor && m.type === "bool").map((m) => m.name));
  }

  async run(feeds: Tensors, fetches: readonly string[] = this.outputNames): Promise<Record<string, Tensor>> {
    const converted: Record<string, ort.Tensor> = {};
    for (const [name, tensor] of Object.entries(feeds)) converted[name] = this.#toOrt(name, tensor);
    let results: ort.InferenceSession.ReturnType;
    try {
      results = await this.#session.run(converted, fetches);
    } catch (error) {
      throw failure("Runtime", "ONNX Runtime failed while running the graph", error);
    }
    const tensors: Record<string, Tensor> = {};
    for (const name of fetches) tensors[name] = fromOrt(name, results[name]!);
    return tensors;
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    await this.#session.release();
  }

  #toOrt(name: string, { type, data, dims }: Tensor): ort.Tensor {
    try {
      const bool = type === "uint8" && this.#booleans.has(name);
      return bool ? new ort.Tensor("bool", data as Uint8Array, dims) : new ort.Tensor(type, data, dims);
    } catch (error) {
      throw failure("Runtime", `Feed "${name}" is not a valid tensor`, error);
    }
  }
}

function fromOrt(name: string, tensor: ort.Tensor): Tensor {
  const type = FROM_ORT[tensor.type];
  if (type) return { type, dims: tensor.dims, data: tensor.data as TensorData };
  throw new SpinnError("Runtime", `Output "${name}" has element type ${tensor.type}, which is not supported`);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** ONNX Runtime's message without its source paths and function names, in one line of bounded length. */
function failure(code: ErrorCode, what: string, cause: unknown): SpinnError {
  const line = textOf(cause)
    .replace(/\/\S*onnxruntime\S*:\d+ .*? was false\. /, "")
    .replace(/\s+/g, " ")
    .trim();
  const detail = line.length > MAX_DETAIL ? `${line.slice(0, MAX_DETAIL)}…` : line;
  return new SpinnError(code, `${what}: ${detail.replace(/\.$/, "")}`, { cause });
}
