// A span of a trace as plain data: what took how long, and on whose behalf. Who exports it, and in which format, is somebody else's
// business.

export interface Span {
  /** 16 bytes; the same for everything that one inference causes, on all machines. */
  readonly traceId: Uint8Array;
  /** 8 bytes. */
  readonly spanId: Uint8Array;
  /** The span that caused this one; absent for the first. */
  readonly parentSpanId?: Uint8Array;
  readonly name: string;
  /** `client` waits for another machine, `server` works for one. */
  readonly kind: "internal" | "client" | "server";
  /** Milliseconds since 1970, with fractions. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** Why it came to nothing; absent when it did not. */
  readonly error?: string;
}

export type OnSpan = (span: Span) => void;

/** A new id: random, so that those of machines that know nothing of each other differ. @param bytes 16 of a trace, 8 of a span */
export function randomId(bytes: 8 | 16): Uint8Array {
  const id = crypto.getRandomValues(new Uint8Array(bytes));
  if (id.every((byte) => byte === 0)) id[0] = 1; // all zeros stands for no id
  return id;
}
