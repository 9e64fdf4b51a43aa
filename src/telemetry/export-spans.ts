// Spans to a collector of OpenTelemetry, by OTLP over HTTP: many at once, in the background, and some are dropped rather than that
// anybody waits.

import { type HrTime, SpanKind, SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type ReadableSpan } from "@opentelemetry/sdk-trace-base";
import type { OnSpan, Span } from "../engine/index.ts";
import { hexOf } from "../hex.ts";

export interface ExportSpansOptions {
  /** Of the collector: `http://host:4318`; `/v1/traces` is added to one without a path. */
  readonly url: string;
  /** What calls itself so in traces. @default "spinn" */
  readonly serviceName?: string;
  /** Spans are sent this often. @default 1000 */
  readonly intervalMs?: number;
  /** Spans that wait to be sent; further ones are dropped. @default 8192 */
  readonly maxQueued?: number;
}

export interface SpanExport {
  /** For `connect({ onSpan })`, and for what `runSpans` makes. */
  readonly onSpan: OnSpan;
  /** Sends what waits; takes at most three seconds when nobody answers. */
  close(): Promise<void>;
}

const kinds: Readonly<Record<Span["kind"], SpanKind>> = {
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
  server: SpanKind.SERVER,
};
const TIMEOUT_MS = 3000;

/** @throws {RangeError} for a URL that is none */
export function exportSpans(options: ExportSpansOptions): SpanExport {
  const { url, serviceName = "spinn", intervalMs = 1000, maxQueued = 8192 } = options;
  const exporter = new OTLPTraceExporter({ url: collectorUrl(url), timeoutMillis: TIMEOUT_MS });
  const processor = new BatchSpanProcessor(exporter, {
    scheduledDelayMillis: intervalMs,
    maxQueueSize: maxQueued,
    exportTimeoutMillis: TIMEOUT_MS,
  });
  const resource = resourceFromAttributes({ "service.name": serviceName });
  return {
    onSpan: (span) => processor.onEnd(readable(span, resource)),
    // what cannot be sent any more is lost, as traces may be
    close: () => processor.shutdown().catch(() => undefined),
  };
}

/** @throws {RangeError} */
export function collectorUrl(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new RangeError(`Not the URL of a collector: ${JSON.stringify(url)}; for example http://localhost:4318`);
  const parsed = new URL(url);
  if (parsed.pathname === "/") parsed.pathname = "/v1/traces";
  return parsed.href;
}

function readable(span: Span, resource: Resource): ReadableSpan {
  const { traceId, spanId, parentSpanId, name, kind, startMs, endMs, attributes, error } = span;
  const contextOf = (id: Uint8Array) => ({
    traceId: hexOf(traceId),
    spanId: hexOf(id),
    traceFlags: TraceFlags.SAMPLED,
  });
  return {
    name,
    kind: kinds[kind],
    spanContext: () => contextOf(spanId),
    ...(parentSpanId && { parentSpanContext: contextOf(parentSpanId) }),
    startTime: hrTime(startMs),
    endTime: hrTime(endMs),
    duration: hrTime(endMs - startMs),
    status: error === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: error },
    attributes: { ...attributes },
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: { name: "spinn" },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** Seconds and nanoseconds. */
function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - 1000 * seconds) * 1e6)];
}
