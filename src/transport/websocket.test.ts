import { createServer, request } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { transportSuite } from "../../test/contract/transport-suite.ts";
import { isSpinnError } from "../errors.ts";
import { createRng } from "../random.ts";
import type { Accept, ConnectionHandlers, Listener } from "./transport.ts";
import { websocketDial } from "./websocket-client.ts";
import { attachWebSocket, type ListenOptions, listenWebSocket } from "./websocket-server.ts";

transportSuite("WebSocket", async (accept, maxMessageBytes) => {
  const listener = await listenWebSocket({ port: 0, accept, maxMessageBytes });
  const gone = await listenWebSocket({ port: 0, accept, maxMessageBytes });
  await gone.close();
  return { dial: websocketDial(listener.url), dialNobody: websocketDial(gone.url), close: () => listener.close() };
});

const limits = { maxMessageBytes: 1000 };
const handshake =
  "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const silent: ConnectionHandlers = { message: () => {}, closed: () => {} };

async function listen(accept: Accept, options: Partial<ListenOptions> = {}): Promise<Listener> {
  const listener = await listenWebSocket({ port: 0, accept, ...limits, ...options });
  onTestFinished(() => listener.close());
  return listener;
}

test("text is not our language: the connection is closed", async () => {
  const heard: string[] = [];
  const listener = await listen(() => ({ message: () => heard.push("message"), closed: (why) => heard.push(why) }));
  const socket = new WebSocket(listener.url);
  const code = new Promise((resolve) => socket.on("close", resolve));
  socket.on("open", () => socket.send("hello"));
  expect(await code).toBe(1003);
  expect(heard).toEqual(["a message is text"]);
});

test("a connection that breaks in the middle of a message is reported, and the message is not", async () => {
  const heard: string[] = [];
  const listener = await listen(() => ({ message: () => heard.push("message"), closed: (why) => heard.push(why) }));
  const socket = connect(listener.port, "127.0.0.1");
  socket.write(handshake);
  await new Promise((resolve) => socket.once("data", resolve));
  socket.write(Uint8Array.of(0x82, 0x80 + 100, 1, 2, 3, 4, 5)); // 100 bytes announced, one there
  await new Promise((resolve) => setTimeout(resolve, 20));
  socket.destroy();
  await vi.waitFor(() => expect(heard).toEqual(["connection lost"]));
});

test("a length alone takes no memory, and one beyond the limit ends the connection", async () => {
  const heard: string[] = [];
  const listener = await listen(() => ({ message: () => heard.push("message"), closed: (why) => heard.push(why) }), {
    maxMessageBytes: 2 ** 30,
  });
  const before = process.memoryUsage().arrayBuffers;
  for (const length of [0x3f, 0x41]) {
    const socket = connect(listener.port, "127.0.0.1").on("error", () => {});
    onTestFinished(() => void socket.destroy());
    socket.write(handshake);
    await new Promise((resolve) => socket.once("data", resolve));
    socket.write(Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, length, 0, 0, 0, 1, 2, 3, 4, 5));
  }
  await vi.waitFor(() => expect(heard).toEqual(["Max payload size exceeded"]));
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 22);
});

test("noise after the handshake, or instead of it, ends that connection alone", async () => {
  const heard: Uint8Array[] = [];
  let open = 0;
  const listener = await listen(() => {
    open++;
    return { message: (bytes) => heard.push(bytes), closed: () => open-- };
  });
  const honest = await websocketDial(listener.url)(silent, limits);
  const rng = createRng(1);
  const noisy = Array.from({ length: 100 }, async (_, i) => {
    const socket = connect(listener.port, "127.0.0.1").on("error", () => {});
    const ended = new Promise((resolve) => socket.on("close", resolve));
    if (i % 4 > 0) {
      socket.write(handshake);
      await new Promise((resolve) => socket.once("data", resolve));
    }
    // Reserved bits, unknown opcodes, frames that are not masked: whatever a first byte may say.
    socket.resume().end(Uint8Array.from({ length: 2 + 200 * rng() }, () => 256 * rng()));
    await ended;
  });
  await Promise.all(noisy);
  await vi.waitFor(() => expect(open).toBe(1));
  heard.length = 0;
  honest.send(Uint8Array.of(1));
  await vi.waitFor(() => expect(heard).toEqual([Uint8Array.of(1)]));
});

test("more devices than there is room for are turned away until one leaves", async () => {
  const listener = await listen(() => silent, { maxConnections: 2 });
  const dial = websocketDial(listener.url);
  const [first] = await Promise.all([dial(silent, limits), dial(silent, limits)]);
  await expect(dial(silent, limits)).rejects.toThrow(/Cannot connect to ws:.*503/);
  // Gone before they have heard it: the server does not mind.
  for (let i = 0; i < 20; i++) {
    const socket = connect(listener.port, "127.0.0.1").on("error", () => {});
    await new Promise((resolve) => socket.write(handshake, resolve));
    socket.resetAndDestroy();
  }
  first.close();
  await vi.waitFor(() => dial(silent, limits), { timeout: 5000 });
});

test("a server that never answers the handshake is given up, or sooner by the caller", async () => {
  const mute = createTcpServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => mute.once("listening", resolve));
  onTestFinished(() => void mute.close());
  const url = `ws://127.0.0.1:${(mute.address() as AddressInfo).port}`;
  const dial = websocketDial(url, { handshakeTimeoutMs: 100 });
  await expect(dial(silent, limits)).rejects.toThrow("Opening handshake has timed out");
  const stopped = websocketDial(url)(silent, { ...limits, signal: AbortSignal.timeout(50) });
  await expect(stopped).rejects.toSatisfy((error) => isSpinnError(error, "Aborted"));
});

test("closing the listener closes its connections and frees the port", async () => {
  const ends: string[] = [];
  const note = (side: string): ConnectionHandlers => ({
    message: () => {},
    closed: (why) => ends.push(`${side}: ${why}`),
  });
  const listener = await listenWebSocket({ port: 0, accept: () => note("server"), ...limits });
  await websocketDial(listener.url)(note("device"), limits);
  await listener.close();
  await vi.waitFor(() => expect(ends.sort()).toEqual(["device: shutting down", "server: shutting down"]));
  const again = await listenWebSocket({ port: listener.port, accept: () => silent, ...limits });
  expect(again.port).toBe(listener.port);
  await again.close();
});

test("a port in use is one line with advice", async () => {
  const { port } = await listen(() => silent);
  const attempt = listenWebSocket({ port, accept: () => silent, ...limits });
  await expect(attempt).rejects.toThrow(`Port ${port} is in use. Choose another one; 0 takes any that is free`);
});

test("devices share a port with pages", async () => {
  const server = createServer((_, response) => response.end("page")).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const devices = attachWebSocket(server, { accept: () => silent, ...limits });
  const closed = new Promise((resolve) => {
    void websocketDial(`ws://127.0.0.1:${port}`)({ ...silent, closed: resolve }, limits).then(() => devices.close());
  });
  expect(await closed).toBe("shutting down");
  const page = await fetch(`http://127.0.0.1:${port}/`);
  expect(await page.text()).toBe("page");
});

test("who asks for a page where there is none is told", async () => {
  const listener = await listen(() => silent);
  const status = new Promise((resolve) => {
    request(listener.url.replace("ws:", "http:"), (response) => resolve(response.resume().statusCode)).end();
  });
  expect(await status).toBe(426);
});

test("only WebSocket URLs are dialled", () => {
  for (const url of ["localhost:8484", "http://localhost:8484", "", "ws//x"])
    expect(() => websocketDial(url)).toThrow(RangeError);
});

test("a connection that is paused is read again afterwards, and can be closed meanwhile", async () => {
  const heardAtMs: number[] = [];
  const closed: string[] = [];
  let pausedAtMs = 0;
  let end: () => void = () => {};
  const listener = await listen((connection) => {
    end = () => connection.close("enough");
    return {
      message: () => {
        heardAtMs.push(performance.now());
        pausedAtMs = performance.now();
        connection.pause?.(heardAtMs.length === 1 ? 300 : 60_000);
      },
      closed: (why) => closed.push(why),
    };
  });
  const reasons: string[] = [];
  const device = await websocketDial(listener.url)({ message: () => {}, closed: (why) => reasons.push(why) }, limits);
  device.send(Uint8Array.of(1));
  await vi.waitFor(() => expect(heardAtMs).toHaveLength(1), 5000);
  const firstPauseMs = pausedAtMs;
  device.send(Uint8Array.of(2));
  await vi.waitFor(() => expect(heardAtMs).toHaveLength(2), 10_000);
  expect(heardAtMs[1]! - firstPauseMs).toBeGreaterThan(290);
  end();
  await vi.waitFor(() => expect([closed, reasons]).toEqual([["enough"], ["enough"]]), 5000);
});

test("whoever opens sockets too fast finds the door shut, and open again a little later", async () => {
  const reasons: string[] = [];
  const options = {
    maxNewConnectionsPerSecond: 2,
    onTurnedAway: ({ reason }: { reason: string }) => reasons.push(reason),
  };
  const listener = await listen(() => silent, options);
  const open = async (): Promise<boolean> => {
    const socket = new WebSocket(listener.url);
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.on("open", () => resolve(true));
      socket.on("error", () => resolve(false));
    });
    socket.terminate();
    return isOpen;
  };
  const opened = await Promise.all(Array.from({ length: 30 }, open));
  expect(opened.filter(Boolean).length).toBeLessThan(30);
  expect(opened.filter(Boolean).length).toBeGreaterThanOrEqual(4);
  expect(new Set(reasons)).toEqual(new Set(["More than 2 new connections a second from one address"]));
  await vi.waitFor(async () => expect(await open()).toBe(true), 10_000);
});
