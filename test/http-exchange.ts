// An HTTP server around a listener for tests, and requests byte by byte, which clients would tidy up.

import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { onTestFinished } from "vitest";

/** @returns its port */
export async function startHttp(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

export interface RawReply {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface RawRequest {
  readonly method?: string;
  /** Lines, each ended by CR LF. */
  readonly headers?: string;
  readonly body?: string;
}

/** Sends a request as it is and takes what comes until the other side closes; it is asked to. */
export function exchange(port: number, target: string, request: RawRequest = {}): Promise<RawReply> {
  const { method = "GET", headers = "", body = "" } = request;
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const socket = connect(port, "127.0.0.1", () => {
      const length = body === "" ? "" : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
      socket.write(`${method} ${target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n${length}${headers}\r\n${body}`);
    });
    socket.on("data", (part) => parts.push(part)).on("error", reject);
    socket.on("close", () => {
      const text = Buffer.concat(parts).toString("latin1");
      const [head = "", ...rest] = text.split("\r\n\r\n");
      const [first = "", ...lines] = head.split("\r\n");
      const fields = lines.map((line) => line.split(/: (.*)/s, 2) as [string, string]);
      resolve({
        status: Number(first.split(" ")[1]),
        headers: Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value])),
        body: rest.join("\r\n\r\n"),
      });
    });
  });
}
