import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { resetSocket } from "./reset-socket.ts";

let server: Server;
let sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
});

/** Two ends of a connection; the second one does not read yet. */
async function pair(): Promise<[Socket, Socket]> {
  server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const near = connect({ port: (server.address() as { port: number }).port, host: "127.0.0.1", allowHalfOpen: true });
  const [far] = (await once(server, "connection")) as [Socket];
  sockets = [near, far];
  for (const socket of sockets) socket.on("error", () => {});
  if (near.connecting) await once(near, "connect");
  return [near, far];
}

test("a connection in use is reset", async () => {
  const [near, far] = await pair();
  resetSocket(near);
  far.resume();
  const [error] = await once(far, "error");
  expect(error.code).toBe("ECONNRESET");
});

test("one that has just been ended is closed, and Node forgets it", async () => {
  const [near, far] = await pair();
  const handles = (): number => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
  const before = handles();
  const problems: Error[] = [];
  near.on("error", (error) => problems.push(error));
  near.end();
  resetSocket(near);
  const closed = Promise.all([near, far].map((socket) => new Promise((resolve) => socket.once("close", resolve))));
  far.resume();
  await closed;
  expect(problems).toEqual([]);
  expect(handles()).toBe(before - 2);
});

test("one that is not connected yet is given up", async () => {
  server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const near = connect({ port: (server.address() as { port: number }).port, host: "127.0.0.1" });
  expect(near.connecting).toBe(true);
  resetSocket(near);
  await once(near, "close");
});
