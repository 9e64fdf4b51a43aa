import { connect } from "node:net";
import { gunzipSync } from "node:zlib";
import { expect, onTestFinished, test, vi } from "vitest";
import { exchange, startHttp } from "../../../test/http-exchange.ts";
import { HttpError } from "./http-error.ts";
import { json, type Route } from "./route.ts";
import { createRouter, type RouterOptions } from "./router.ts";

const LONG = "a text that is worth compressing ".repeat(100);
const routes: Route[] = [
  {
    path: "/hello",
    access: "public",
    get: () => ({ contentType: "text/plain", body: "hello", cacheControl: "no-cache" }),
  },
  { path: "/long", access: "public", get: () => ({ contentType: "text/plain", body: LONG, cacheControl: "no-cache" }) },
  {
    path: "/echo/:word",
    access: "device",
    crossOrigin: true,
    get: ({ search }, { word }) => json({ word, search }),
    post: async (request) => json({ bytes: (await request.body(1000)).length }),
  },
  { path: "/secret", access: "operator", get: () => json({ secret: true }) },
  {
    path: "/broken",
    access: "public",
    get: () => {
      throw new Error("a path of this machine");
    },
  },
];

async function start(options: Partial<RouterOptions> = {}): Promise<number> {
  return await startHttp(createRouter({ routes, ...options }));
}

test("answers with what the handler says, under every answer's headers", async () => {
  const port = await start();
  const { status, headers, body } = await exchange(port, "/hello");
  expect({ status, body }).toEqual({ status: 200, body: "hello" });
  expect(headers).toMatchObject({
    "content-type": "text/plain; charset=utf-8",
    "content-length": "5",
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": expect.stringContaining("default-src 'none'"),
  });
  expect(await exchange(port, "/echo/a%2Fb?x=1")).toMatchObject({ body: '{"word":"a/b","search":"?x=1"}' });
});

test("HEAD is a GET without its body", async () => {
  const { status, headers, body } = await exchange(await start(), "/hello", { method: "HEAD" });
  expect({ status, length: headers["content-length"], body }).toEqual({ status: 200, length: "5", body: "" });
});

test("whoever has it already gets nothing again", async () => {
  const port = await start();
  const { headers } = await exchange(port, "/hello");
  const again = await exchange(port, "/hello", { headers: `If-None-Match: "x", ${headers.etag}\r\n` });
  expect(again).toMatchObject({ status: 304, body: "" });
  expect(again.headers.etag).toBe(headers.etag);
  expect(await exchange(port, "/long", { headers: `If-None-Match: ${headers.etag}\r\n` })).toMatchObject({
    status: 200,
  });
});

test("text is compressed for whom takes that", async () => {
  const port = await start();
  const { headers, body } = await exchange(port, "/long", { headers: "Accept-Encoding: gzip\r\n" });
  expect(headers).toMatchObject({ "content-encoding": "gzip", vary: "Accept-Encoding" });
  expect(gunzipSync(Buffer.from(body, "latin1")).toString()).toBe(LONG);
  const plain = await exchange(port, "/long");
  expect(plain.headers).toMatchObject({ vary: "Accept-Encoding" });
  expect(plain.headers).not.toHaveProperty("content-encoding");
  expect(plain.body).toBe(LONG);
});

test.each([
  ["/nowhere", "GET", 404],
  ["/hello/", "GET", 404],
  ["//hello", "GET", 404],
  ["/../hello", "GET", 404],
  ["/%zz", "GET", 400],
  ["http://elsewhere/hello", "GET", 400],
  ["*", "OPTIONS", 400],
  ["/hello", "POST", 405],
  ["/hello", "DELETE", 405],
  ["/hello", "OPTIONS", 405],
  ["/echo/x", "PUT", 405],
])("%s by %s is %d, as JSON", async (target, method, status) => {
  const port = await start();
  const reply = await exchange(port, target, { method });
  expect(reply.status).toBe(status);
  expect(JSON.parse(reply.body)).toEqual({ error: expect.any(String) });
  if (status === 405) expect(reply.headers.allow).toBe(target === "/hello" ? "GET, HEAD" : "GET, HEAD, POST");
  expect(await exchange(port, "/hello")).toMatchObject({ status: 200 });
});

test("what a handler throws is the server's fault: told to the server, not to whoever asked", async () => {
  const onError = vi.fn();
  const { status, body } = await exchange(await start({ onError }), "/broken");
  expect({ status, body }).toEqual({ status: 500, body: '{"error":"The server failed"}' });
  expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: "a path of this machine" }));
});

test("a body is taken as far as is allowed", async () => {
  const port = await start();
  const post = (length: number) => exchange(port, "/echo/x", { method: "POST", body: "x".repeat(length) });
  expect(await post(1000)).toMatchObject({ status: 200, body: '{"bytes":1000}' });
  expect(await post(1001)).toMatchObject({ status: 413 });
  const chunk = "3e8\r\n".concat("x".repeat(1000), "\r\n");
  const chunked = { method: "POST", headers: "Transfer-Encoding: chunked\r\n" };
  expect(await exchange(port, "/echo/x", { ...chunked, headers: `${chunked.headers}\r\n${chunk}0\r\n` })).toMatchObject(
    {
      body: '{"bytes":1000}',
    },
  );
  expect(
    await exchange(port, "/echo/x", { ...chunked, headers: `${chunked.headers}\r\n${chunk}${chunk}` }),
  ).toMatchObject({
    status: 413,
  });
  const bomb = { method: "POST", headers: "Content-Encoding: gzip\r\n", body: "x" };
  expect(await exchange(port, "/echo/x", bomb)).toMatchObject({ status: 415 });
});

test("a body that breaks off harms nobody", async () => {
  const onError = vi.fn();
  const port = await start({ onError });
  const socket = connect(port, "127.0.0.1");
  socket.write("POST /echo/x HTTP/1.1\r\nHost: test\r\nContent-Length: 500\r\n\r\nonly this");
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.destroy();
  expect(await exchange(port, "/hello")).toMatchObject({ status: 200 });
  expect(onError).not.toHaveBeenCalled();
});

test("authorize() is asked before the handler, with what the route needs", async () => {
  const authorize = vi.fn<NonNullable<RouterOptions["authorize"]>>(async ({ headers }, access) => {
    if (access === "operator" && headers.authorization !== "Bearer right")
      throw new HttpError(401, "Who are you?", { "WWW-Authenticate": "Bearer" });
    return undefined;
  });
  const port = await start({ authorize });
  expect(await exchange(port, "/hello")).toMatchObject({ status: 200 });
  const refused = await exchange(port, "/secret");
  expect(refused).toMatchObject({ status: 401, body: '{"error":"Who are you?"}' });
  expect(refused.headers).toMatchObject({ "www-authenticate": "Bearer" });
  expect(await exchange(port, "/secret", { headers: "Authorization: Bearer right\r\n" })).toMatchObject({
    status: 200,
  });
  expect(authorize.mock.calls.map(([, access]) => access)).toEqual(["public", "operator", "operator"]);
});

test("pages of other origins may read what is for them, if the server allows their origin", async () => {
  const port = await start({ allowedOrigins: ["https://friend.example"] });
  const from = (origin: string) => ({ headers: `Origin: ${origin}\r\n` });
  const friend = await exchange(port, "/echo/x", from("https://friend.example"));
  expect(friend.headers).toMatchObject({
    "access-control-allow-origin": "https://friend.example",
    "cross-origin-resource-policy": "cross-origin",
    vary: "Origin",
  });
  const stranger = await exchange(port, "/echo/x", from("https://friend.example.evil"));
  expect(stranger.headers).toMatchObject({ "cross-origin-resource-policy": "same-origin", vary: "Origin" });
  expect(stranger.headers).not.toHaveProperty("access-control-allow-origin");
  const page = await exchange(port, "/hello", from("https://friend.example"));
  expect(page.headers).not.toHaveProperty("access-control-allow-origin");
  const preflight = await exchange(port, "/echo/x", { method: "OPTIONS", ...from("https://friend.example") });
  expect(preflight).toMatchObject({ status: 204, headers: { "access-control-allow-methods": "GET, POST" } });
});

test("a stream goes on until it ends or nobody listens", async () => {
  let ended = 0;
  let aborted = false;
  async function* forever(signal: AbortSignal): AsyncGenerator<string> {
    try {
      for (;;) {
        yield "data: x\n\n";
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    } finally {
      ended++;
      aborted = signal.aborted;
    }
  }
  async function* short(): AsyncGenerator<string> {
    yield "one ";
    yield "two";
  }
  const stream: Route = {
    path: "/stream",
    access: "public",
    get: ({ signal }) => ({ contentType: "text/event-stream", body: forever(signal) }),
  };
  const brief: Route = { path: "/brief", access: "public", get: () => ({ contentType: "text/plain", body: short() }) };
  const port = await start({ routes: [stream, brief] });
  expect((await exchange(port, "/brief")).body).toContain("two");
  expect(await exchange(port, "/stream", { method: "HEAD" })).toMatchObject({ status: 200, body: "" });

  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.write("GET /stream HTTP/1.1\r\nHost: test\r\n\r\n");
  await new Promise((resolve) => socket.once("data", resolve));
  socket.destroy();
  await vi.waitFor(() => expect({ ended, aborted }).toEqual({ ended: 1, aborted: true }), 10_000);
});

test("every answer is told, under its route and not under what was asked", async () => {
  const onReply = vi.fn();
  const port = await start({ onReply });
  await exchange(port, "/echo/anything");
  await exchange(port, "/a-path-that-a-stranger-made-up");
  await exchange(port, "/hello", { method: "PROPFIND" });
  await vi.waitFor(() =>
    expect(onReply.mock.calls).toEqual([
      ["/echo/:word", "GET", 200],
      ["", "GET", 404],
      ["/hello", "other", 405],
    ]),
  );
});
