// The flags of who may come in, and what they may use: for each command that listens for devices.

import type { Command } from "commander";
import type { ClientLimits } from "../engine/index.ts";
import { SpinnError } from "../errors.ts";
import type { ServeOptions } from "../server/index.ts";
import { positiveInteger, positiveNumber } from "./options.ts";

export interface AccessFlags {
  tokens?: string;
  jwtKey?: string;
  jwtIssuer?: string;
  jwtAudience?: string;
  tlsCert?: string;
  tlsKey?: string;
  maxConnections?: number;
  maxConnectionsPerAddress?: number;
  maxNewConnections?: number;
  maxRuns?: number;
  maxBytes?: number;
  quotaBytes?: number;
  /** Seconds. */
  quotaCompute?: number;
  /** Seconds. */
  quotaWindow?: number;
}

export function withAccessFlags(command: Command): Command {
  return command
    .option("--tokens <file>", 'JSON list of clients, [{ "name": "camera-7", "token": "…" }]: others are refused')
    .option("--jwt-key <file>", "clients may have JSON Web Tokens that this key signs: JWKS, PEM or a secret")
    .option("--jwt-issuer <name>", "whose tokens count (default: any whose signature is right)")
    .option("--jwt-audience <name>", "whom tokens must be for")
    .option("--tls-cert <file>", "certificate (PEM): wss and https instead of ws and http")
    .option("--tls-key <file>", "its key")
    .option("--max-connections <n>", "devices at once (default: 1024)", positiveInteger)
    .option("--max-connections-per-address <n>", "of one address (default: a quarter of all)", positiveInteger)
    .option("--max-new-connections <n>", "of one address a second (default: 200)", positiveInteger)
    .option("--max-runs <n>", "runs a second of each client (default: any number)", positiveNumber)
    .option("--max-bytes <n>", "bytes a second from each client (default: any number)", positiveNumber)
    .option("--quota-bytes <n>", "bytes from each client in a window (default: any number)", positiveNumber)
    .option("--quota-compute <s>", "seconds of computing for each client in a window (default: any)", positiveNumber)
    .option("--quota-window <s>", "how long a window is (default: 3600)", positiveNumber);
}

type Access = Pick<
  ServeOptions,
  "tokens" | "tls" | "limits" | "maxConnections" | "maxConnectionsPerAddress" | "maxNewConnectionsPerSecond"
>;

/** @throws {SpinnError} Usage when half of something is missing */
export function accessOf(flags: AccessFlags): Access {
  const { tokens: clientsFile, jwtKey, jwtIssuer: issuer, jwtAudience: audience, tlsCert, tlsKey } = flags;
  const { maxConnections, maxConnectionsPerAddress, maxNewConnections } = flags;
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new SpinnError("Usage", "--tls-cert and --tls-key belong together", { hint: "Give both" });
  if (jwtKey === undefined && (issuer !== undefined || audience !== undefined))
    throw new SpinnError("Usage", "--jwt-issuer and --jwt-audience are about --jwt-key", { hint: "Give that, too" });
  const jwt = jwtKey === undefined ? undefined : { keyFile: jwtKey, issuer, audience };
  const limits = limitsOf(flags);
  return {
    ...((clientsFile !== undefined || jwt) && { tokens: { clientsFile, jwt } }),
    ...(tlsCert !== undefined && tlsKey !== undefined && { tls: { certFile: tlsCert, keyFile: tlsKey } }),
    ...(maxConnections !== undefined && { maxConnections }),
    ...(maxConnectionsPerAddress !== undefined && { maxConnectionsPerAddress }),
    ...(maxNewConnections !== undefined && { maxNewConnectionsPerSecond: maxNewConnections }),
    ...(Object.keys(limits).length > 0 && { limits }),
  };
}

function limitsOf({ maxRuns, maxBytes, quotaBytes, quotaCompute, quotaWindow }: AccessFlags): ClientLimits {
  const hasQuota = quotaBytes !== undefined || quotaCompute !== undefined;
  if (quotaWindow !== undefined && !hasQuota)
    throw new SpinnError("Usage", "--quota-window needs a quota", { hint: "Add --quota-bytes or --quota-compute" });
  return {
    ...(maxRuns !== undefined && { runsPerSecond: maxRuns }),
    ...(maxBytes !== undefined && { bytesPerSecond: maxBytes }),
    ...(hasQuota && {
      quota: {
        ...(quotaBytes !== undefined && { bytes: quotaBytes }),
        ...(quotaCompute !== undefined && { computeMs: 1000 * quotaCompute }),
        ...(quotaWindow !== undefined && { windowMs: 1000 * quotaWindow }),
      },
    }),
  };
}
