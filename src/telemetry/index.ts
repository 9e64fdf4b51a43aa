// Public names of `spinn/telemetry`: logs and traces for whoever looks after devices and servers.

export { type CalmLog, type CalmLogOptions, calmLog } from "./calm-log.ts";
export { type ExportSpansOptions, exportSpans, type SpanExport } from "./export-spans.ts";
export { createLog, type Log, type LogFormat, type LogLevel, type LogLine, type LogOptions, logLevels } from "./log.ts";
export { logEvents } from "./log-events.ts";
export { type RunPlace, runSpans } from "./run-spans.ts";
