// Dialling a server over WebSocket from Node.

import { WebSocket } from "ws";
import { messageOf, SpinnError } from "../errors.ts";
import { type Token, tokenText } from "./bearer.ts";
import type { Dial } from "./transport.ts";
import { checkWebSocketUrl, shownUrl } from "./websocket-closing.ts";
import { socketOptions, WebSocketConnection } from "./websocket-connection.ts";

export interface WebSocketDialOptions {
  /** Give up on a server that does not answer after this long. @default 5000 */
  readonly handshakeTimeoutMs?: number;
  /** Proves who this is to a server that asks; a function is asked for each connection. Sent as a header. @default none */
  readonly token?: Token;
  /** Certificates (PEM) that are trusted instead of those that Node knows: for a server with one of its own. */
  readonly ca?: string | Uint8Array;
}

/**
 * @param url `ws://host:port` or `wss://host:port`
 * @throws {RangeError} for another URL
 * @example const dial = websocketDial("ws://localhost:8484");
 */
export function websocketDial(url: string, options: WebSocketDialOptions = {}): Dial {
  const { handshakeTimeoutMs: handshakeTimeout = 5000, token, ca } = options;
  checkWebSocketUrl(url);
  const shown = shownUrl(url);
  return async (handlers, { maxMessageBytes, signal }) => {
    const headers = token === undefined ? {} : { Authorization: `Bearer ${await tokenText(token)}` };
    return await new Promise((resolve, reject) => {
      const aborted = (): SpinnError => new SpinnError("Aborted", `Stopped while connecting to ${shown}`);
      if (signal?.aborted) return reject(aborted());
      const socket = new WebSocket(url, {
        ...{ ...socketOptions, headers, handshakeTimeout, maxPayload: maxMessageBytes },
        ...(ca !== undefined && { ca: typeof ca === "string" ? ca : Buffer.from(ca) }),
      });
      const connection = new WebSocketConnection(socket, shown);
      const stop = (): void => socket.terminate();
      const fail = (cause: Error): void => {
        signal?.removeEventListener("abort", stop);
        reject(signal?.aborted ? aborted() : unreachable(shown, cause));
      };
      signal?.addEventListener("abort", stop, { once: true });
      socket.once("error", fail);
      socket.once("open", () => {
        socket.off("error", fail);
        signal?.removeEventListener("abort", stop);
        connection.handledBy(handlers);
        resolve(connection);
      });
    });
  };
}

function unreachable(url: string, cause: Error & { code?: string }): SpinnError {
  // Where a name has several addresses, the error of all of them together has a code and no words.
  const why = messageOf(cause) || cause.code || "no connection";
  const [, status = ""] = /^Unexpected server response: (\d+)$/.exec(why) ?? [];
  const isPlain = cause.code === "EPROTO" || /wrong version number/.test(why);
  const hint = isPlain ? "Dial ws:// where the server does not speak TLS" : hints[cause.code ?? status];
  return new SpinnError("Connection", `Cannot connect to ${url}: ${why}`, { ...(hint && { hint }), cause });
}

const TRUST = "Name the certificate in NODE_EXTRA_CA_CERTS, or give the server one that is known";

const hints: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Start a server there, or check host and port",
  ENOTFOUND: "Check the name of the host",
  ECONNRESET: "Dial wss:// where the server speaks TLS",
  DEPTH_ZERO_SELF_SIGNED_CERT: TRUST,
  SELF_SIGNED_CERT_IN_CHAIN: TRUST,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: TRUST,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: TRUST,
  CERT_HAS_EXPIRED: "The server's certificate must be renewed, if this machine's clock is right",
  CERT_NOT_YET_VALID: "Check this machine's clock",
  ERR_TLS_CERT_ALTNAME_INVALID: "Dial a name that the certificate is for",
  403: "The server must allow this origin",
  429: "The server has too many connections from here",
  503: "The server is full, or shutting down",
};
