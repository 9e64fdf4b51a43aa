// What happens at a server, as lines of a log.

import type { CloudEvent } from "../engine/index.ts";
import type { Log, LogLevel, LogLine } from "./log.ts";

/**
 * @param nameOf a network's name by its hash; undefined when it is served no longer
 * @param level that the log says: lines of thousands of runs a second are not even made when nobody reads them
 */
export function logEvents(
  log: Log,
  nameOf: (network: string) => string | undefined,
  level: LogLevel = "debug",
): (event: CloudEvent) => void {
  const model = (network: string): string => nameOf(network) ?? network.slice(0, 8);
  const saysAll = level === "debug";
  return (event) => {
    if (saysAll || event.kind !== "run" || event.end.kind === "refused") log(lineOf(event, model));
  };
}

function lineOf(event: CloudEvent, model: (network: string) => string): LogLine {
  switch (event.kind) {
    case "connected": {
      const { connection, peer, client } = event;
      const fields = { connection, peer, ...(client !== undefined && { client }) };
      return { level: "debug", event: "connected", message: "a connection", fields };
    }
    case "greeted": {
      const { connection, network, agent } = event;
      const fields = { connection, agent, model: model(network) };
      return { level: "info", event: "greeted", message: "a device has come", fields };
    }
    case "left": {
      const { connection, reason } = event;
      return { level: "info", event: "left", message: "a connection has ended", fields: { connection, reason } };
    }
    case "refused": {
      const { connection, code, reason } = event;
      const fields = { connection, code, reason };
      return { level: "warn", event: `refused.${code}`, message: "a connection was refused", fields };
    }
    case "turned-away": {
      const { peer, status, reason } = event;
      const fields = { peer, status, reason };
      return { level: "warn", event: `turned-away.${status}`, message: "somebody was turned away", fields };
    }
    case "run":
      return runLine(event, model(event.network));
    case "network-added":
    case "network-retired": {
      const is = event.kind === "network-added" ? "is served" : "is served no longer";
      const fields = { model: model(event.network), network: event.network };
      return { level: "info", event: event.kind, message: `a network ${is}`, fields };
    }
    default:
      return event satisfies never;
  }
}

function runLine(
  { connection, cut, receivedBytes, totalMs, end }: CloudEvent & { kind: "run" },
  model: string,
): LogLine {
  const fields = { connection, model, cut, receivedBytes, totalMs: Math.round(1000 * totalMs) / 1000 };
  if (end.kind === "answered") {
    const { exit, confident, sentBytes } = end;
    const message = "a run was answered";
    return { level: "debug", event: "run.answered", message, fields: { ...fields, exit, confident, sentBytes } };
  }
  if (end.kind === "cancelled")
    return { level: "debug", event: "run.cancelled", message: "a run was cancelled", fields };
  const { code, reason } = end;
  const level = code === "internal" ? "error" : "warn";
  return { level, event: `run.refused.${code}`, message: "a run was refused", fields: { ...fields, code, reason } };
}
