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
}

/**
 * @param url `ws://host:port` or `wss://host:port`
 * @throws {RangeError} for another URL
 * @example const dial = websocketDial("ws://localhost:8484");
 */
export function websocketDial(url: string, options: WebSocketDialOptions = {}): Dial {
  const { handshakeTimeoutMs: handshakeTimeout = 5000, token } = options;
  checkWebSocketUrl(url);
  const shown = shownUrl(url);
  return async (handlers, { maxMessageBytes, signal }) => {
    const headers = token === undefined ? {} : { Authorization: `Bearer ${await tokenText(token)}` };
    return await new Promise((resolve, reject) => {
      const aborted = (): SpinnError => new SpinnError("Aborted", `Stopped while connecting to ${shown}`);
      if (signal?.aborted) return reject(aborted());
      const socket = new WebSocket(url, { ...socketOptions, headers, handshakeTimeout, maxPayload: maxMessageBytes });
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
  const hint = hints[cause.code ?? status];
  return new SpinnError("Connection", `Cannot connect to ${url}: ${why}`, { ...(hint && { hint }), cause });
}

const hints: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Start a server there, or check host and port",
  ENOTFOUND: "Check the name of the host",
  DEPTH_ZERO_SELF_SIGNED_CERT: "Name the certificate in NODE_EXTRA_CA_CERTS, or give the server one that is known",
  403: "The server must allow this origin",
  429: "The server has too many connections from here",
  503: "The server is full, or shutting down",
};
