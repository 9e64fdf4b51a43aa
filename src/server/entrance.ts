// The server's entrance: who may come in, over WebSocket and HTTP, and over TLS or not. Opened before the server listens, closed
// with it.

import type { ClientLimits } from "../engine/index.ts";
import type { ListenOptions, WebSocketListener } from "../transport/index.ts";
import { createAuthorize } from "./http/authorize.ts";
import { originRule } from "./http/cross-origin.ts";
import type { Authorize } from "./http/router.ts";
import { introducer } from "./identity/identity.ts";
import { openIdentity, type TokenOptions } from "./identity/open-identity.ts";
import { readCertificate, renewCertificate, type TlsOptions } from "./tls.ts";

export interface EntranceOptions {
  /** Origins whose pages may connect and download the networks, like `https://example.org`; `*`: all. @default the server's own */
  readonly allowedOrigins?: readonly string[];
  /** What clients prove who they are with. @default nobody is asked: whoever reaches the server may use it */
  readonly tokens?: TokenOptions;
  /** Speaks `wss` and `https`. @default plain */
  readonly tls?: TlsOptions;
  /** What each client may use: by its name, where it has to say it, otherwise by its address. @default as much as there is */
  readonly limits?: ClientLimits;
  /** Devices at once. @default 1024 */
  readonly maxConnections?: number;
  /** Of one address (of IPv6, one /64), HTTP included; more behind a proxy. @default a quarter of `maxConnections`, 64 at least */
  readonly maxConnectionsPerAddress?: number;
  /** Of one address a second, two seconds' worth at once; more behind a proxy. @default 200 */
  readonly maxNewConnectionsPerSecond?: number;
}

export interface Entrance {
  /** For whoever listens. */
  readonly door: Pick<
    ListenOptions,
    "allowsOrigin" | "identify" | "maxConnections" | "maxConnectionsPerAddress" | "maxNewConnectionsPerSecond" | "tls"
  >;
  /** For the HTTP side. */
  readonly authorize: Authorize;
  /** From now on, a certificate that changes is followed. */
  listening(listener: WebSocketListener): void;
  close(): void;
}

/**
 * @param onError hears of files that have changed and cannot be used; what was there before goes on to count
 * @throws {SpinnError} FileAccess, InvalidData for tokens or certificates that cannot be used
 * @throws {RangeError} for tokens that nobody could have
 */
export async function openEntrance(
  options: EntranceOptions,
  onError: (error: unknown) => void = () => undefined,
): Promise<Entrance> {
  const {
    allowedOrigins = [],
    tokens,
    tls,
    maxConnections,
    maxConnectionsPerAddress,
    maxNewConnectionsPerSecond,
  } = options;
  const allowsOrigin = originRule(allowedOrigins);
  const certificate = tls && (await readCertificate(tls));
  const identity = tokens && (await openIdentity(tokens, { onError }));
  let endRenewal: (() => void) | undefined;
  return {
    door: {
      allowsOrigin,
      ...(identity && { identify: introducer(identity.check) }),
      ...(certificate && { tls: certificate }),
      ...(maxConnections !== undefined && { maxConnections }),
      ...(maxConnectionsPerAddress !== undefined && { maxConnectionsPerAddress }),
      ...(maxNewConnectionsPerSecond !== undefined && { maxNewConnectionsPerSecond }),
    },
    authorize: createAuthorize({ allowsOrigin, ...(identity && { check: identity.check }) }),
    listening(listener) {
      endRenewal = tls && renewCertificate(tls, (renewed) => listener.setTls(renewed), onError);
    },
    close() {
      identity?.close();
      endRenewal?.();
    },
  };
}
