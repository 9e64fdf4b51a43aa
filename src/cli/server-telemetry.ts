// What the command line tells of a server: its log on standard error, and traces to a collector.

import type { CloudEngineOptions, CloudEvent } from "../engine/index.ts";
import { messageOf } from "../errors.ts";
import type { ReloadOutcome, Server } from "../server/index.ts";
import { calmLog } from "../telemetry/calm-log.ts";
import type { SpanExport } from "../telemetry/index.ts";
import { createLog, type Log, type LogFormat, type LogLevel } from "../telemetry/log.ts";
import { logEvents } from "../telemetry/log-events.ts";
import { runSpans } from "../telemetry/run-spans.ts";
import type { Io } from "./io.ts";

export interface TelemetryOptions {
  log?: LogFormat;
  logLevel?: LogLevel;
  /** Of a collector. @default what OpenTelemetry's environment variables say; else there are no traces */
  otlp?: string;
}

export interface ServerTelemetry extends Required<Pick<CloudEngineOptions, "onEvent" | "onError">> {
  /** Tells of this server from now on. */
  follow(server: Pick<Server, "models">): void;
  onReload(outcome: ReloadOutcome): void;
  readonly log: Log;
  /** Tells the rest. */
  close(): Promise<void>;
}

/** @throws {RangeError} for a collector whose URL is none */
export async function serverTelemetry(
  io: Io,
  { log: format = "human", logLevel = "info", otlp }: TelemetryOptions,
): Promise<ServerTelemetry> {
  const spans = await spansTo(otlp, "spinn-server");
  const calm = calmLog(createLog({ format, level: logLevel, write: (line) => io.err(line) }));
  let server: Pick<Server, "models"> | undefined;
  const modelOf = (network: string): Server["models"][number] | undefined =>
    server?.models.find(({ hash }) => hash === network);
  const logEvent = logEvents(calm.log, (network) => modelOf(network)?.name, logLevel);
  return {
    log: calm.log,
    follow(followed) {
      server = followed;
    },
    onEvent(event: CloudEvent) {
      if (!server) return;
      logEvent(event);
      if (!spans || event.kind !== "run") return;
      const model = modelOf(event.network);
      const place = {
        model: model?.name ?? event.network,
        exitName: (exit: number) => model?.exits[exit] ?? String(exit),
      };
      for (const span of runSpans(event, place, Date.now())) spans.onSpan(span);
    },
    onError(error) {
      calm.log({ level: "error", event: "fault", message: messageOf(error) });
    },
    onReload(outcome) {
      if (outcome.kind === "refused") {
        calm.log({ level: "error", event: "reload.refused", message: `Nothing was reloaded: ${outcome.reason}` });
        return;
      }
      const { added, retired, failed } = outcome;
      for (const { reason } of failed)
        calm.log({ level: "error", event: "reload.failed", message: `${reason}. What was served is served on` });
      if (failed.length > 0 && added.length + retired.length === 0) return;
      const fields = { added: added.join(", ") || "none", retired: retired.join(", ") || "none" };
      calm.log({ level: "info", event: "reload.done", message: "the networks were looked at again", fields });
    },
    async close() {
      calm.close();
      await spans?.close();
    },
  };
}

/**
 * Traces to a collector, loaded when there is one: it takes a tenth of a second that other commands need not wait for.
 *
 * @param url @default where OpenTelemetry's own variables say
 * @throws {RangeError} for a URL that is none
 */
export async function spansTo(url: string | undefined, serviceName: string): Promise<SpanExport | undefined> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT } = process.env;
  const collector = url ?? (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || OTEL_EXPORTER_OTLP_ENDPOINT);
  if (!collector) return undefined;
  const { exportSpans } = await import("../telemetry/export-spans.ts");
  return exportSpans({ url: collector, serviceName });
}
