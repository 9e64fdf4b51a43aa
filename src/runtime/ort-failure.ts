// ONNX Runtime's messages as errors of ours: which kind it is, and one line of bounded length.

import { type ErrorCode, SpinnError } from "../errors.ts";

/** How much of ONNX Runtime's own message reaches the user. */
const MAX_DETAIL = 240;

/** ONNX Runtime's message without its source paths and function names. */
export function ortFailure(code: ErrorCode, what: string, cause: unknown): SpinnError {
  const line = ortMessage(cause)
    .replace(/\/\S*onnxruntime\S*:\d+ .*? was false\. /, "")
    .replace(/\s+/g, " ")
    .trim();
  const detail = line.length > MAX_DETAIL ? `${line.slice(0, MAX_DETAIL)}…` : line;
  return new SpinnError(code, `${what}: ${detail.replace(/\.$/, "")}`, { cause });
}

/** For an error while a graph is loaded. */
export function ortLoadFailure(cause: unknown): SpinnError {
  if (!ortMessage(cause).includes("protobuf parsing failed"))
    return ortFailure("Runtime", "ONNX Runtime refuses the model", cause);
  return new SpinnError("InvalidModel", "ONNX Runtime cannot read the model: the bytes are not ONNX", {
    hint: "Check that the file is complete",
    cause,
  });
}

export function ortMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
