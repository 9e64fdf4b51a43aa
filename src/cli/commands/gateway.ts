// `spinn gateway`: devices on one side, workers on NATS on the other, until Ctrl-C.

import { openNats, startGateway } from "../../cluster/index.ts";
import { type AccessFlags, accessOf } from "../access-flags.ts";
import { interruptible } from "../interrupt.ts";
import type { Io } from "../io.ts";
import { warnOfOpenDoor } from "../open-door.ts";
import { serverTelemetry, type TelemetryOptions } from "../server-telemetry.ts";
import { keepServing, pageLines, readyLine } from "./serve.ts";

/** How a command reaches NATS. */
export interface NatsCommandOptions {
  nats: string;
  natsCreds?: string;
}

export interface GatewayCommandOptions extends NatsCommandOptions, TelemetryOptions, AccessFlags {
  host: string;
  port: number;
  maxQueued?: number;
  allowOrigin?: readonly string[];
  /** Seconds. */
  grace: number;
  json?: boolean;
}

export async function gatewayCommand(io: Io, options: GatewayCommandOptions): Promise<void> {
  const { host, port, maxQueued, allowOrigin, grace, json } = options;
  const access = accessOf(options);
  const telemetry = await serverTelemetry(io, options);
  await interruptible(io, async (signal) => {
    const nats = await openNats({ ...natsOf(options), name: "spinn gateway" });
    try {
      const gateway = await startGateway({
        nats,
        host,
        port,
        onError: telemetry.onError,
        onEvent: telemetry.onEvent,
        ...access,
        ...(maxQueued !== undefined && { maxQueued }),
        ...(allowOrigin && { allowedOrigins: allowOrigin }),
      });
      telemetry.follow(gateway);
      warnOfOpenDoor(telemetry.log, { host, ...access });
      const { url, models } = gateway;
      const names = models.map(({ name, version }) => `${name}@${version}`).join(", ");
      const served = names === "" ? "Nothing is deployed yet: spinn deploy" : `Serving ${names}`;
      io.out(json ? readyLine(gateway) : [`${served}, at ${url}`, ...pageLines(url)].join("\n"));
      await keepServing(io, gateway, signal, 1000 * grace);
      if (!json) io.err(`Answered ${gateway.stats().answered} runs`);
    } finally {
      await nats.close();
      await telemetry.close();
    }
  });
}

export function natsOf({ nats, natsCreds }: NatsCommandOptions): { servers: string; credsFile?: string } {
  return { servers: nats, ...(natsCreds !== undefined && { credsFile: natsCreds }) };
}
