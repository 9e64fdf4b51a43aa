// A client's connection to NATS that comes back by itself. What proves who we are is in the URL or a file, and in no message.

import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { connect, credsAuthenticator, type NatsConnection, type NodeConnectionOptions } from "@nats-io/transport-node";
import { messageOf, SpinnError } from "../errors.ts";

export interface NatsOptions {
  /** `nats://host:port`, `tls://…`; several with commas between them. `user:password@` or `token@` before the host. */
  readonly servers: string;
  /** A file of credentials, as `nsc` makes them. */
  readonly credsFile?: string;
  /** For the NATS server's own listings. */
  readonly name: string;
}

/**
 * @throws {RangeError} for what is no URL of NATS
 * @throws {SpinnError} Connection when no server can be reached or it does not let us in; FileAccess for the credentials
 */
export async function openNats(options: NatsOptions): Promise<NatsConnection> {
  const { address, ...where } = addressOf(options.servers);
  const authenticator = options.credsFile === undefined ? undefined : await credentials(options.credsFile);
  try {
    return await connect({
      ...where,
      name: options.name,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 250,
      ...(authenticator && { authenticator }),
    });
  } catch (cause) {
    throw new SpinnError("Connection", `Cannot connect to NATS at ${address}: ${messageOf(cause)}`, {
      hint: hintFor(messageOf(cause)),
      cause,
    });
  }
}

function hintFor(why: string): string {
  if (/self.signed|unable to (verify|get)/i.test(why)) return "Name its certificate in NODE_EXTRA_CA_CERTS";
  if (/altnames/.test(why)) return "Use a name that its certificate is for";
  return "Start nats-server there, or check address and credentials";
}

interface Address extends Pick<NodeConnectionOptions, "servers" | "user" | "pass" | "token" | "tls"> {
  /** Without secrets. */
  readonly address: string;
}

function addressOf(servers: string): Address {
  const urls = servers.split(",").map((text) => {
    const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
    // what is not a URL may still hold a secret: it is not repeated
    if (!url || !/^(nats|tls):$/.test(url.protocol) || url.hostname === "")
      throw new RangeError("That is no URL of NATS. It must be nats://host:port or tls://host:port");
    return url;
  });
  const hosts = urls.map(({ hostname, port }) => `${hostname}:${port || "4222"}`);
  const { username, password } = urls[0]!;
  const [user, pass] = [decodeURIComponent(username), decodeURIComponent(password)];
  return {
    address: hosts.join(", "),
    servers: hosts,
    ...(urls.some(({ protocol }) => protocol === "tls:") && { tls: tlsFor(urls.map(({ hostname }) => hostname)) }),
    ...(user !== "" && (pass === "" ? { token: user } : { user, pass })),
  };
}

/** The client takes a name for the certificate from the URL, but no address: without a word of ours it would ask for `localhost`. */
function tlsFor(hosts: readonly string[]): object {
  const [host = ""] = hosts;
  return hosts.length === 1 && isIP(host) !== 0 ? { host } : {};
}

async function credentials(path: string): Promise<ReturnType<typeof credsAuthenticator>> {
  try {
    return credsAuthenticator(await readFile(path));
  } catch (cause) {
    throw new SpinnError("FileAccess", `Cannot read the credentials in ${path}`, { hint: "Check the path", cause });
  }
}
