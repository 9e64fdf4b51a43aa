// The platform's WebSocket in a real page against Node's server: the transport's contract, as far as a page can keep it.

import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { beforeAll, expect, onTestFinished, test, vi } from "vitest";
import type { Connection } from "../../src/transport/transport.ts";
import { listenWebSocket } from "../../src/transport/websocket-server.ts";
import { describeInChromium, type Visit } from "./in-chromium.ts";
import { ask, type Heard, type Repeated } from "./lab.ts";

const LIMIT = 1_000_000;

interface ServerSide {
  readonly url: string;
  readonly connections: Connection[];
  readonly messages: Repeated[];
  readonly endings: string[];
}

async function serve(maxMessageBytes = 4 * LIMIT): Promise<ServerSide> {
  const side = { connections: [] as Connection[], messages: [] as Repeated[], endings: [] as string[] };
  const { url, close } = await listenWebSocket({
    port: 0,
    maxMessageBytes,
    accept: (connection) => {
      side.connections.push(connection);
      return {
        message: (bytes) => side.messages.push({ byte: bytes[0]!, length: bytes.length }),
        closed: (reason) => side.endings.push(reason),
      };
    },
  });
  onTestFinished(() => close());
  return { url, ...side };
}

describeInChromium("test/e2e/pages/lab.ts", {}, (visit) => {
  let visited: Visit;

  beforeAll(async () => {
    visited = await visit("plain");
  });

  async function dial(server: ServerSide): Promise<number> {
    const connection = await ask(visited.page, "dial", server.url, { maxMessageBytes: LIMIT });
    expect(connection).toBeTypeOf("number");
    await vi.waitFor(() => expect(server.connections).toHaveLength(1));
    return connection as number;
  }

  const until = (connection: number, assertion: (heard: Heard) => void): Promise<void> =>
    vi.waitFor(async () => assertion(await ask(visited.page, "heard", connection)), { timeout: 20_000 });

  test("messages arrive whole and in order, both ways, each in memory of its own", async () => {
    const server = await serve();
    const connection = await dial(server);
    const messages = Array.from({ length: 300 }, (_, i) => ({ byte: i % 256, length: 1 + 37 * i }));
    for (const { byte, length } of messages) server.connections[0]!.send(new Uint8Array(length).fill(byte));
    await ask(visited.page, "send", connection, messages);
    await vi.waitFor(() => expect(server.messages).toEqual(messages), { timeout: 20_000 });
    await until(connection, (heard) => expect(heard.messages).toEqual(messages));
    expect(await ask(visited.page, "heard", connection)).toMatchObject({ endings: [], reentered: false });
  });

  test("bytes that wait are counted", async () => {
    const server = await serve();
    const connection = await dial(server);
    const big = { byte: 7, length: 4 * LIMIT };
    expect(await ask(visited.page, "send", connection, [big, big])).toBeGreaterThanOrEqual(4 * LIMIT);
    await vi.waitFor(() => expect(server.messages).toEqual([big, big]), { timeout: 20_000 });
    await until(connection, ({ bufferedBytes }) => expect(bufferedBytes).toBe(0));
  });

  test("what is sent before closing arrives; both hear of the end once, and nothing afterwards", async () => {
    const server = await serve();
    const connection = await dial(server);
    await ask(visited.page, "send", connection, [{ byte: 1, length: 3 }]);
    await ask(visited.page, "hangUp", connection, `enough ${"€".repeat(100)}`);
    await vi.waitFor(() => expect(server.endings).toEqual([expect.stringMatching(/^enough €{20,39}/)]));
    await ask(visited.page, "send", connection, [{ byte: 2, length: 3 }]);
    expect(server.messages).toEqual([{ byte: 1, length: 3 }]);
    const { endings, reentered, bufferedBytes } = await ask(visited.page, "heard", connection);
    expect(endings).toEqual([expect.stringMatching(/^enough €{100}$/)]);
    expect({ reentered, bufferedBytes }).toEqual({ reentered: false, bufferedBytes: 0 });
  });

  test("a server that closes says why", async () => {
    const server = await serve();
    const connection = await dial(server);
    server.connections[0]!.send(Uint8Array.of(5));
    server.connections[0]!.close("shutting down");
    await until(connection, ({ endings, messages }) => {
      expect({ endings, messages }).toEqual({ endings: ["shutting down"], messages: [{ byte: 5, length: 1 }] });
    });
  });

  test("a server that sends more than is taken is cut off, as is a page", async () => {
    const server = await serve(LIMIT);
    const first = await dial(server);
    server.connections[0]!.send(new Uint8Array(LIMIT));
    server.connections[0]!.send(new Uint8Array(LIMIT + 1));
    server.connections[0]!.send(new Uint8Array(1));
    await until(first, ({ endings, messages }) => {
      expect(endings).toEqual([`a message of ${LIMIT + 1} bytes exceeds ${LIMIT}`]);
      expect(messages).toEqual([{ byte: 0, length: LIMIT }]);
    });
    const other = await serve(LIMIT);
    const second = await dial(other);
    await ask(visited.page, "send", second, [{ byte: 1, length: LIMIT + 1 }]);
    await until(second, ({ endings }) => expect(endings).toHaveLength(1));
    expect(other.messages).toEqual([]);
  });

  test("a network that goes away is noticed at once", async () => {
    const server = await serve();
    const connection = await dial(server);
    const context = visited.page.context();
    onTestFinished(() => context.setOffline(false));
    await context.setOffline(true);
    await until(connection, ({ endings }) => expect(endings).toEqual(["offline"]));
  });

  test("nobody there, nobody who answers, nobody who waits, no WebSocket: each is said", async () => {
    const mute = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => mute.once("listening", resolve));
    onTestFinished(() => void mute.close());
    const silent = `ws://127.0.0.1:${(mute.address() as AddressInfo).port}`;
    const gone = await listenWebSocket({
      port: 0,
      maxMessageBytes: LIMIT,
      accept: () => ({ message() {}, closed() {} }),
    });
    await gone.close();
    const limits = { maxMessageBytes: LIMIT };
    const hint = "Check that a server runs there and that the page may reach it";
    expect(await ask(visited.page, "dial", gone.url, limits)).toBe(
      `Connection: Cannot connect to ${gone.url}: the browser does not say why. ${hint}`,
    );
    expect(await ask(visited.page, "dial", silent, { ...limits, handshakeTimeoutMs: 200 })).toBe(
      `Connection: Cannot connect to ${silent}: no answer within 200 ms. ${hint}`,
    );
    expect(await ask(visited.page, "dial", silent, { ...limits, abortMs: 100 })).toMatch(/^Aborted: /);
    expect(await ask(visited.page, "dial", "http://localhost/", limits)).toMatch(/^RangeError/);
  });
});
