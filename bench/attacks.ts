// Attacks on a server's door by whoever reaches its port: each goes on until it is stopped. What is said after a hello is in
// hostile-frames.ts.

import { randomBytes } from "node:crypto";
import { setMaxListeners } from "node:events";
import { connect, type Socket } from "node:net";
import { WebSocket } from "ws";
import type { NetworkInfo } from "../src/engine/index.ts";
import { encodeMessage } from "../src/wire/index.ts";
import { helloOf } from "./hostile-frames.ts";

export interface Target {
  readonly port: number;
  readonly network: NetworkInfo;
  /** Of a client that is known, for attacks from inside; absent where the server asks for none. */
  readonly token?: string;
}

export type AttackName = (typeof attackNames)[number];
export const attackNames = [
  "slow headers",
  "half handshakes",
  "half messages",
  "ping flood",
  "message flood",
  "connection flood",
  "forged tokens",
  "foreign pages",
  "huge headers",
  "path traversal",
] as const;

/** What came of it: HTTP status lines, close codes, failures, by how often. */
export type Outcomes = Record<string, number>;

/** Sockets that an attack holds at a time. */
const AT_ONCE = 48;
const PAUSE_MS = 20;
const HANDSHAKE =
  "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

/** Resolves when `signal` aborts and everything is closed. */
export async function attackDoor(name: AttackName, target: Target, signal: AbortSignal): Promise<Outcomes> {
  setMaxListeners(0, signal);
  const outcomes: Outcomes = {};
  const count = (what: string): void => {
    outcomes[what] = (outcomes[what] ?? 0) + 1;
  };
  const places = Array.from({ length: AT_ONCE }, async (_, place) => {
    while (!signal.aborted) {
      count(await attempts[name](target, signal, place));
      await pause(PAUSE_MS, signal);
    }
  });
  await Promise.all(places);
  return outcomes;
}

type Attempt = (target: Target, signal: AbortSignal, place: number) => Promise<string>;

const paths = [
  "/models/../../../../etc/passwd/network.json",
  "/models/..%2f..%2f..%2fetc%2fpasswd/network.json",
  "/assets/..%2f..%2f..%2f..%2fetc%2fpasswd",
  "/assets/%2e%2e/%2e%2e/package.json",
  "/ort/..%5c..%5cpackage.json",
  "/samples/..%2findex.json",
  "/v2/models/..%2f..%2f/infer",
  "//etc/passwd",
  "/assets/%00",
  "/%ff%fe",
];

const attempts: Readonly<Record<AttackName, Attempt>> = {
  "slow headers": ({ port }, signal) => raw(port, signal, "GET / HTTP/1.1\r\nHost: x\r\n", "X-Slow: 1\r\n"),
  "half handshakes": ({ port }, signal) => raw(port, signal, HANDSHAKE),
  "half messages": (target, signal) =>
    device(target, signal, (_, socket) => {
      // a masked binary frame that announces 200 kB, and half of it
      const head = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 3, 13, 64, 1, 2, 3, 4]);
      socket.write(Buffer.concat([head, Buffer.alloc(100_000)]));
    }),
  "ping flood": (target, signal) =>
    device(target, signal, (webSocket) => {
      const flood = setInterval(() => {
        for (let i = 0; i < 100 && webSocket.readyState === WebSocket.OPEN; i++) webSocket.ping();
      }, PAUSE_MS);
      webSocket.on("close", () => clearInterval(flood));
    }),
  "message flood": (target, signal, place) =>
    device(target, signal, (webSocket) => {
      const message = encodeMessage({ kind: "ping", id: place + 1, payload: new Uint8Array(64) });
      const flood = setInterval(() => {
        for (let i = 0; i < 100 && webSocket.readyState === WebSocket.OPEN; i++) webSocket.send(message);
      }, PAUSE_MS);
      webSocket.on("close", () => clearInterval(flood));
    }),
  "connection flood": async ({ port }, signal) => {
    const many = await Promise.all(Array.from({ length: 8 }, () => raw(port, signal, "", "", 500)));
    return many[0]!;
  },
  "forged tokens": (target, signal) => device({ ...target, token: randomBytes(24).toString("base64url") }, signal),
  "foreign pages": (target, signal) => device(target, signal, undefined, "https://evil.example"),
  "huge headers": ({ port }, signal) => raw(port, signal, `GET / HTTP/1.1\r\nX: ${"x".repeat(100_000)}`),
  "path traversal": ({ port }, signal, place) =>
    raw(port, signal, `GET ${paths[place % paths.length]} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
};

/** Bytes over a plain socket. @returns the status of the answer, or how it ended */
function raw(port: number, signal: AbortSignal, text: string, drip = "", patienceMs = 8000): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    let heard = "";
    const slowly = drip === "" ? undefined : setInterval(() => socket.write(drip), 500);
    const over = setTimeout(() => socket.destroy(), patienceMs);
    const stop = (): unknown => socket.destroy();
    signal.addEventListener("abort", stop);
    socket.on("connect", () => socket.write(text));
    socket.on("data", (data) => {
      if (heard.length < 4096) heard += data.toString("latin1");
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearInterval(slowly);
      clearTimeout(over);
      signal.removeEventListener("abort", stop);
      if (/root:x:|"devDependencies"/.test(heard)) resolve("LEAKED A FILE");
      else resolve(/^HTTP\/1\.1 (\d{3})/.exec(heard)?.[1] ?? (signal.aborted ? "held until stopped" : "closed"));
    });
  });
}

/** A WebSocket that says hello, and then what it is told to. @returns how it ended */
function device(
  { port, network, token }: Target,
  signal: AbortSignal,
  then: (webSocket: WebSocket, socket: Socket) => void = () => undefined,
  origin?: string,
): Promise<string> {
  return new Promise((resolve) => {
    const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const webSocket = new WebSocket(`ws://127.0.0.1:${port}`, { headers, ...(origin && { origin }) });
    let socket: Socket | undefined;
    let why = "";
    const stop = (): void => webSocket.terminate();
    signal.addEventListener("abort", stop);
    webSocket.on("upgrade", (response) => {
      socket = response.socket;
    });
    webSocket.on("open", () => {
      webSocket.send(encodeMessage(helloOf(network)));
      if (socket) then(webSocket, socket);
    });
    webSocket.on("error", (error) => {
      why ||= error.message;
    });
    webSocket.on("close", (code, reason) => {
      signal.removeEventListener("abort", stop);
      resolve(signal.aborted ? "held until stopped" : why || `${code} ${reason}`.trim());
    });
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
