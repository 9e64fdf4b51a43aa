// Listening for devices over WebSocket, on a port of its own or beside the pages of an HTTP server.

import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { messageOf, SpinnError } from "../errors.ts";
import type { Accept, Listener } from "./transport.ts";
import { socketOptions, WebSocketConnection } from "./websocket-connection.ts";

export interface WebSocketServerOptions {
  readonly accept: Accept;
  /** Longest message taken from a device: whoever announces a longer one is cut off before it is there. */
  readonly maxMessageBytes: number;
  /** Devices at once; more are told that the service is unavailable (503). @default 1024 */
  readonly maxConnections?: number;
}

export interface ListenOptions extends WebSocketServerOptions {
  /** Address to listen on; `0.0.0.0` or `::` for all. @default "127.0.0.1" */
  readonly host?: string;
  /** 0: a free one. */
  readonly port: number;
  /** Answers requests that ask for no WebSocket, such as for a page. @default with 426, that an upgrade is required */
  readonly onRequest?: RequestListener;
}

const GOING_AWAY = 1001;

/** @throws {SpinnError} Connection when the port is taken or the address not this machine's */
export async function listenWebSocket(options: ListenOptions): Promise<Listener> {
  const { host = "127.0.0.1", port, onRequest = upgradeRequired } = options;
  // A stranger who connects and asks for nothing is soon gone.
  const server = createServer({ headersTimeout: 5000, requestTimeout: 10_000, connectionsCheckingInterval: 2000 });
  server.on("request", onRequest);
  const devices = attachWebSocket(server, options);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(cannotListen(host, port, cause)));
    server.listen({ host, port }, resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  return {
    url: urlOf(host, actual),
    port: actual,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      await devices.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * Lets devices in at an HTTP server that also serves something else.
 *
 * @returns `close` sends every device away; the server goes on
 */
export function attachWebSocket(server: Server, options: WebSocketServerOptions): { close(): Promise<void> } {
  const { accept, maxMessageBytes, maxConnections = 1024 } = options;
  const sockets = new WebSocketServer({ ...socketOptions, noServer: true, maxPayload: maxMessageBytes });
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (sockets.clients.size >= maxConnections) {
      // Nobody else listens any more: without this, a peer that is gone already would end the process.
      socket.on("error", () => {});
      socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const { remoteAddress, remotePort } = request.socket;
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = new WebSocketConnection(webSocket, `${remoteAddress}:${remotePort}`);
      connection.handledBy(accept(connection));
    });
  };
  server.on("upgrade", upgrade);
  return {
    close() {
      server.off("upgrade", upgrade);
      for (const socket of sockets.clients) socket.close(GOING_AWAY, "shutting down");
      return new Promise((resolve) => sockets.close(() => resolve()));
    },
  };
}

const upgradeRequired: RequestListener = (_, response) => {
  response.writeHead(426, { "Content-Type": "text/plain" }).end("This is a WebSocket server\n");
};

function urlOf(host: string, port: number): string {
  const reachable = { "0.0.0.0": "127.0.0.1", "::": "::1" }[host] ?? host;
  return `ws://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}

function cannotListen(host: string, port: number, cause: Error & { code?: string }): SpinnError {
  const [what, hint] = {
    EADDRINUSE: [`Port ${port} is in use`, "Choose another one; 0 takes any that is free"] as const,
    EACCES: [`Port ${port} is not for everybody`, "Choose one above 1023"] as const,
    EADDRNOTAVAIL: [`${host} is not an address of this machine`, "0.0.0.0 stands for all of them"] as const,
  }[cause.code ?? ""] ?? [`Cannot listen on ${host}:${port}: ${messageOf(cause)}`, undefined];
  return new SpinnError("Connection", what, { ...(hint && { hint }), cause });
}
