// Dialling a server over WebSocket from Node.

import { WebSocket } from "ws";
import { messageOf, SpinnError } from "../errors.ts";
import type { Dial } from "./transport.ts";
import { checkWebSocketUrl } from "./websocket-closing.ts";
import { socketOptions, WebSocketConnection } from "./websocket-connection.ts";

export interface WebSocketDialOptions {
  /** Give up on a server that does not answer after this long. @default 5000 */
  readonly handshakeTimeoutMs?: number;
}

/**
 * @param url `ws://host:port` or `wss://host:port`
 * @throws {RangeError} for another URL
 * @example const dial = websocketDial("ws://localhost:8484");
 */
export function websocketDial(url: string, options: WebSocketDialOptions = {}): Dial {
  const { handshakeTimeoutMs: handshakeTimeout = 5000 } = options;
  checkWebSocketUrl(url);
  return (handlers, { maxMessageBytes, signal }) =>
    new Promise((resolve, reject) => {
      const aborted = (): SpinnError => new SpinnError("Aborted", `Stopped while connecting to ${url}`);
      if (signal?.aborted) return reject(aborted());
      const socket = new WebSocket(url, { ...socketOptions, handshakeTimeout, maxPayload: maxMessageBytes });
      const connection = new WebSocketConnection(socket, url);
      const stop = (): void => socket.terminate();
      const fail = (cause: Error): void => {
        signal?.removeEventListener("abort", stop);
        reject(signal?.aborted ? aborted() : unreachable(url, cause));
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
}

function unreachable(url: string, cause: Error & { code?: string }): SpinnError {
  // Where a name has several addresses, the error of all of them together has a code and no words.
  const why = messageOf(cause) || cause.code || "no connection";
  const hint = hints[cause.code ?? ""];
  return new SpinnError("Connection", `Cannot connect to ${url}: ${why}`, { ...(hint && { hint }), cause });
}

const hints: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Start a server there, or check host and port",
  ENOTFOUND: "Check the name of the host",
};
