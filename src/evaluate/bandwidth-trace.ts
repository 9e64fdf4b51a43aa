// A recorded or invented bandwidth over time, in steps; it starts again at its end.
// Where it comes from: parse-trace.ts, synthesize-trace.ts.

export interface BandwidthTrace {
  /** At least one, and some bandwidth in one of them. */
  readonly steps: readonly BandwidthStep[];
}

export interface BandwidthStep {
  /** Positive. */
  readonly durationMs: number;
  /** 0 or more. */
  readonly bitsPerSecond: number;
}

/** @throws {RangeError} when the steps are not a trace */
export function checkTrace({ steps }: BandwidthTrace): void {
  for (const [i, { durationMs, bitsPerSecond }] of steps.entries()) {
    if (!(durationMs > 0 && durationMs < Infinity))
      throw new RangeError(`Step ${i} of the trace lasts ${durationMs} ms`);
    if (!(bitsPerSecond >= 0 && bitsPerSecond < Infinity))
      throw new RangeError(`Step ${i} of the trace has ${bitsPerSecond} bit/s`);
  }
  if (!steps.some((step) => step.bitsPerSecond > 0)) throw new RangeError("The trace has no bandwidth at all");
}

/** Mean bandwidth over the whole trace, bits per second. */
export function meanBandwidth({ steps }: BandwidthTrace): number {
  const bits = steps.reduce((sum, step) => sum + step.durationMs * step.bitsPerSecond, 0);
  return bits / steps.reduce((sum, step) => sum + step.durationMs, 0);
}
