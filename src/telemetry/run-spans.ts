// What a server did for a traced run, as spans: waiting, unpacking and each slice, under the span of the device that sent it.

import { type RunEvent, randomId, type Span } from "../engine/index.ts";

export interface RunPlace {
  /** Of the network. */
  readonly model: string;
  /** Of its exits. */
  readonly exitName: (exit: number) => string;
}

/**
 * Only durations are known of what happened inside: the parts are laid one after the other, waiting first.
 *
 * @param endMs when the run came to its end, milliseconds since 1970
 * @returns nothing for a run that is not traced
 */
export function runSpans(event: RunEvent, { model, exitName }: RunPlace, endMs: number): Span[] {
  const { trace, cut, network, receivedBytes, totalMs, end } = event;
  if (!trace?.sampled) return [];
  const { traceId } = trace;
  const spanId = randomId(8);
  const startMs = endMs - totalMs;
  const about = {
    "spinn.model": model,
    "spinn.network": network,
    "spinn.cut": cut,
    "spinn.received_bytes": receivedBytes,
  };
  const run = {
    traceId,
    spanId,
    parentSpanId: trace.spanId,
    name: "spinn.run",
    kind: "server",
    startMs,
    endMs,
  } as const;
  if (end.kind !== "answered") {
    const error = end.kind === "refused" ? `${end.code}: ${end.reason}` : "cancelled";
    return [{ ...run, attributes: { ...about, "spinn.outcome": end.kind }, error }];
  }
  const { exit, confident, sentBytes, times } = end;
  const answered = { "spinn.exit": exitName(exit), "spinn.confident": confident, "spinn.sent_bytes": sentBytes };
  const spans: Span[] = [{ ...run, attributes: { ...about, "spinn.outcome": end.kind, ...answered } }];
  let atMs = startMs;
  const part = (name: string, ms: number, attributes: Span["attributes"] = {}): void => {
    const ids = { traceId, spanId: randomId(8), parentSpanId: spanId };
    spans.push({ ...ids, name, kind: "internal", startMs: atMs, endMs: atMs + ms, attributes });
    atMs += ms;
  };
  part("spinn.queue", times.queueMs);
  part("spinn.unpack", times.unpackMs);
  for (const { from, to, ms, batch = 1, exit: said } of times.slices) {
    const confidence = said && { "spinn.exit": exitName(said.exit), "spinn.confidence": said.confidence };
    part("spinn.slice", ms, { "spinn.from": from, "spinn.to": to, "spinn.batch": batch, ...confidence });
  }
  return spans;
}
