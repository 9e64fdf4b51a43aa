// Listening for devices over WebSocket, on a port of its own or beside the pages of an HTTP server.

import { createServer, type IncomingMessage, type RequestListener, type Server, STATUS_CODES } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { messageOf, SpinnError } from "../errors.ts";
import { SUBPROTOCOL } from "./bearer.ts";
import type { Accept, Listener } from "./transport.ts";
import { socketOptions, WebSocketConnection } from "./websocket-connection.ts";
import { type DoorOptions, peerOf, type TurnedAway, WebSocketDoor } from "./websocket-door.ts";
import { type PatrolOptions, WebSocketPatrol } from "./websocket-patrol.ts";

export interface WebSocketServerOptions extends DoorOptions, PatrolOptions {
  readonly accept: Accept;
  /** Longest message taken from a device: whoever announces a longer one is cut off before it is there. */
  readonly maxMessageBytes: number;
}

/** As PEM. */
export interface Certificate {
  /** With those of its issuers, as far as clients do not have them. */
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

export interface ListenOptions extends WebSocketServerOptions {
  /** Address to listen on; `0.0.0.0` or `::` for all. @default "127.0.0.1" */
  readonly host?: string;
  /** 0: a free one. */
  readonly port: number;
  /** Speaks TLS, 1.2 or newer: `wss` and `https`. @default plain */
  readonly tls?: Certificate;
  /** Answers requests that ask for no WebSocket, such as for a page. @default with 426, that an upgrade is required */
  readonly onRequest?: RequestListener;
}

export interface WebSocketListener extends Listener {
  /** For connections from now on. @throws {Error} for what is no certificate with its key, or where there was none at first */
  setTls(certificate: Certificate): void;
}

const GOING_AWAY = 1001;
/** So long answers over HTTP may still be on their way when the server is closed. */
const LAST_ANSWERS_MS = 2000;
/** A stranger who connects and asks for nothing is soon gone. */
const patience = {
  headersTimeout: 5000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 2000,
  maxHeaderSize: 16_384,
  keepAliveTimeout: 5000,
} as const;

/** @throws {SpinnError} Connection when the port is taken or the address not this machine's; InvalidData for no certificate */
export async function listenWebSocket(options: ListenOptions): Promise<WebSocketListener> {
  const { host = "127.0.0.1", port, onRequest = upgradeRequired, tls, maxConnections = 1024 } = options;
  const secure = tls && createSecure(tls);
  const server: Server = secure ?? createServer(patience);
  // room for pages and for those who are told why they are not let in
  server.maxConnections = 2 * maxConnections + 64;
  const door = new WebSocketDoor(options);
  door.watch(server);
  server.on("request", (request, response) => {
    const refusal = door.whyNot(request, 0);
    if (!refusal) return onRequest(request, response);
    options.onTurnedAway?.(refusal);
    response.writeHead(refusal.status, { "Content-Type": "text/plain", Connection: "close" });
    response.end(`${refusal.reason}\n`);
  });
  const devices = attach(server, options, door);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(cannotListen(host, port, cause)));
    server.listen({ host, port }, resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  return {
    url: urlOf(tls ? "wss" : "ws", host, actual),
    port: actual,
    setTls(certificate) {
      if (!secure) throw new Error("The server does not speak TLS");
      secure.setSecureContext({ ...certificate, minVersion: "TLSv1.2" });
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      await devices.close();
      server.closeIdleConnections();
      const force = setTimeout(() => server.closeAllConnections(), LAST_ANSWERS_MS);
      await closed;
      clearTimeout(force);
    },
  };
}

function createSecure(certificate: Certificate): ReturnType<typeof createTlsServer> {
  try {
    return createTlsServer({ ...patience, ...certificate, minVersion: "TLSv1.2", handshakeTimeout: 5000 });
  } catch (cause) {
    throw new SpinnError("InvalidData", `TLS needs a certificate and its key as PEM: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Lets devices in at an HTTP server that also serves something else.
 *
 * @returns `close` sends every device away; the server goes on
 */
export function attachWebSocket(server: Server, options: WebSocketServerOptions): { close(): Promise<void> } {
  const door = new WebSocketDoor(options);
  door.watch(server);
  return attach(server, options, door);
}

function attach(server: Server, options: WebSocketServerOptions, door: WebSocketDoor): { close(): Promise<void> } {
  const { accept, maxMessageBytes: maxPayload, onTurnedAway } = options;
  const handleProtocols = (offered: Set<string>): string | false => offered.has(SUBPROTOCOL) && SUBPROTOCOL;
  const sockets = new WebSocketServer({ ...socketOptions, noServer: true, maxPayload, handleProtocols });
  const patrol = new WebSocketPatrol(options);
  let arriving = 0;
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // Nobody else listens any more: without this, a peer that is gone already would end the process.
    const ignore = (): void => undefined;
    socket.on("error", ignore);
    const refusal = door.whyNot(request, sockets.clients.size + arriving);
    if (refusal) {
      onTurnedAway?.(refusal);
      turnAway(socket, refusal);
      return;
    }
    arriving++;
    door
      .introduce(request)
      .then((introduction) => {
        socket.off("error", ignore);
        sockets.handleUpgrade(request, socket, head, (webSocket) => {
          patrol.watch(webSocket, () => request.socket.bytesRead);
          const connection = new WebSocketConnection(webSocket, peerOf(request), introduction);
          connection.handledBy(accept(connection));
        });
      })
      .catch(() => socket.destroy())
      .finally(() => arriving--);
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

/** Whoever has not left by then is cut off; milliseconds. */
const LINGER_MS = 2000;

function turnAway(socket: Duplex, { status, reason }: TurnedAway): void {
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
  const body = `${reason}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
}

const upgradeRequired: RequestListener = (_, response) => {
  response.writeHead(426, { "Content-Type": "text/plain" }).end("This is a WebSocket server\n");
};

function urlOf(scheme: "ws" | "wss", host: string, port: number): string {
  const reachable = { "0.0.0.0": "127.0.0.1", "::": "::1" }[host] ?? host;
  return `${scheme}://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}

function cannotListen(host: string, port: number, cause: Error & { code?: string }): SpinnError {
  const [what, hint] = {
    EADDRINUSE: [`Port ${port} is in use`, "Choose another one; 0 takes any that is free"] as const,
    EACCES: [`Port ${port} is not for everybody`, "Choose one above 1023"] as const,
    ENOTFOUND: [
      `There is no address called ${host}`,
      "Name one of this machine; 0.0.0.0 stands for all of them",
    ] as const,
    EADDRNOTAVAIL: [`${host} is not an address of this machine`, "0.0.0.0 stands for all of them"] as const,
  }[cause.code ?? ""] ?? [`Cannot listen on ${host}:${port}: ${messageOf(cause)}`, undefined];
  return new SpinnError("Connection", what, { ...(hint && { hint }), cause });
}
