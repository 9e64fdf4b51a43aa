// Says what an operator may not have meant: a server that other machines reach, and that asks nobody who they are.

import { isIPv4 } from "node:net";
import type { ServeOptions } from "../server/index.ts";
import type { Log } from "../telemetry/log.ts";

/** @param options as the server was started with */
export function warnOfOpenDoor(log: Log, { host, tokens, tls }: Pick<ServeOptions, "host" | "tokens" | "tls">): void {
  if (host === undefined || isLoopback(host)) return;
  const warn = (event: string, message: string): void => log({ level: "warn", event, message, fields: { host } });
  if (!tokens) warn("door.open", "whoever reaches this address may use the server: it asks for no tokens (--tokens)");
  else if (!tls)
    warn("door.plain", "tokens cross the network in the clear, but for a proxy with TLS (--tls-cert, --tls-key)");
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}
