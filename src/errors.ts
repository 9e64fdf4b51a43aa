// What can go wrong in the world, as tagged errors. A caller's own mistake is a built-in RangeError or TypeError instead.

export type ErrorCode =
  /** The bytes are not the ONNX model (or the part of one) that they claim to be. */
  | "InvalidModel"
  /** A valid model that uses an operator, type or structure we cannot handle here. */
  | "UnsupportedModel"
  /** A data set, folder or image that cannot be read as what it should be. */
  | "InvalidData"
  /** A file that cannot be read or written. */
  | "FileAccess"
  /** ONNX Runtime refused a graph or failed while running it. */
  | "Runtime"
  /** Training diverged, or a checkpoint does not belong to this run. */
  | "Training"
  /** A command line that does not make sense. */
  | "Usage"
  /** Bytes from another machine that are not the frame or packet they claim to be, or exceed a limit. */
  | "InvalidFrame"
  /** The other machine cannot be reached, or the connection to it was lost. */
  | "Connection"
  /** No more work is taken now: a full queue, or a server that says so. */
  | "Overloaded"
  /** An answer did not come in time, and there is none to fall back on. */
  | "Deadline"
  /** Stopped on purpose: an AbortSignal or Ctrl-C. */
  | "Aborted";

export interface SpinnErrorOptions {
  /** What to do about it, as one imperative sentence. */
  hint?: string;
  cause?: unknown;
}

/**
 * An error that says what failed, where, and what to do. The message is one line: `what` and, if given, the hint.
 */
export class SpinnError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: SpinnErrorOptions = {}) {
    super(
      options.hint ? `${message}. ${options.hint}` : message,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.name = `${code}Error`;
    this.code = code;
    this.hint = options.hint;
  }
}

/** True for a {@link SpinnError}, and, when `code` is given, for one of that code. */
export function isSpinnError(error: unknown, code?: ErrorCode): error is SpinnError {
  return error instanceof SpinnError && (code === undefined || error.code === code);
}

/** The first line of whatever was thrown; what the user sees. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n", 1)[0] ?? "";
}
