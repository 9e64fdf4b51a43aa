// Errors on their way between threads, as data: structured cloning keeps the class of a built-in error, but a SpinnError
// would arrive without its code.

import { type ErrorCode, isSpinnError, messageOf, SpinnError } from "./errors.ts";

export type PortableError =
  | {
      readonly kind: "spinn";
      readonly code: ErrorCode;
      readonly what: string;
      readonly hint?: string;
      readonly cause: string;
    }
  | { readonly kind: "other"; readonly error: Error };

export function packError(error: unknown): PortableError {
  if (!isSpinnError(error))
    return { kind: "other", error: error instanceof Error ? error : new Error(messageOf(error)) };
  const { code, message, hint, cause } = error;
  // the message ends with the hint, which the constructor will add again
  const what = hint === undefined ? message : message.slice(0, -`. ${hint}`.length);
  return { kind: "spinn", code, what, ...(hint !== undefined && { hint }), cause: messageOf(cause ?? "") };
}

export function unpackError(packed: PortableError): Error {
  if (packed.kind === "other") return packed.error;
  const { code, what, hint, cause } = packed;
  return new SpinnError(code, what, { ...(hint !== undefined && { hint }), ...(cause !== "" && { cause }) });
}
