// The emulator with real sockets. What is exact is tested on the model (link-model.test.ts); here lower bounds hold on any
// machine, and upper ones are wide, since a busy machine is late.

import { createServer, connect as dial, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { type EmulatedLink, type EmulateLinkOptions, emulateLink } from "./link-emulator.ts";

const opened: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** A server that hands every connection to `handle`. */
async function serve(handle: (socket: Socket) => void): Promise<{ host: string; port: number }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  opened.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return { host: "127.0.0.1", port: (server.address() as { port: number }).port };
}

const echo = (socket: Socket): void => void socket.pipe(socket);

async function emulate(options: EmulateLinkOptions): Promise<EmulatedLink> {
  const link = await emulateLink(options);
  opened.push(() => link.close());
  return link;
}

function connect({ port }: EmulatedLink): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = dial({ port, host: "127.0.0.1", noDelay: true }, () => {
      socket.on("error", () => {});
      resolve(socket);
    });
    socket.once("error", reject);
    opened.push(() => socket.destroy());
  });
}

/** Resolves with what came when there are `count` bytes; rejects when the connection ends before. */
function receive(socket: Socket, count: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      size += chunk.length;
      if (size < count) return;
      socket.off("data", onData).off("close", onClose);
      resolve(Buffer.concat(chunks));
    };
    const onClose = (): void => reject(new Error(`closed after ${size} of ${count} bytes`));
    socket.on("data", onData).once("close", onClose);
  });
}

const closed = (socket: Socket): Promise<boolean> => new Promise((resolve) => socket.once("close", resolve));

async function ms(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

test("a round trip takes the link's, the first one another for the handshake", async () => {
  const link = await emulate({ target: await serve(echo), link: "100mbps/60ms" });
  const socket = await connect(link);
  const roundTrip = (): Promise<number> =>
    ms(async () => {
      socket.write("x");
      await receive(socket, 1);
    });
  const first = await roundTrip();
  expect(first).toBeGreaterThanOrEqual(119.9);
  const later: number[] = [];
  for (let i = 0; i < 15; i++) later.push(await roundTrip());
  expect(Math.min(...later)).toBeGreaterThanOrEqual(60);
  expect(median(later)).toBeLessThan(75);
});

test("bytes arrive unchanged at the rate of each direction", async () => {
  const bytes = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, i) => (i * 2654435761) >>> 13));
  const up: number[] = [];
  const target = await serve((socket) => {
    const start = performance.now();
    void receive(socket, bytes.length).then((got) => {
      expect(got.equals(bytes)).toBe(true);
      up.push(performance.now() - start);
      socket.write(got);
    });
  });
  const link = await emulate({ target, link: "16mbps/4mbps/10ms" });
  const socket = await connect(link);
  const back = receive(socket, bytes.length);
  const total = await ms(async () => {
    socket.write(bytes);
    expect((await back).equals(bytes)).toBe(true);
  });
  // 400 ms up, 100 ms down, half a round trip for each and one for the handshake
  expect(up[0]).toBeGreaterThanOrEqual(400);
  expect(total).toBeGreaterThanOrEqual(519);
  expect(total).toBeLessThan(700);
  expect(link.stats).toMatchObject({ upBytes: bytes.length, downBytes: bytes.length, accepted: 1, connections: 1 });
});

test("all connections share the link", async () => {
  const link = await emulate({ target: await serve(echo), link: "8mbps/2ms" });
  const sockets = await Promise.all([connect(link), connect(link)]);
  const took = await ms(() =>
    Promise.all(
      sockets.map((socket) => {
        socket.write(Buffer.alloc(100_000));
        return receive(socket, 100_000);
      }),
    ),
  );
  expect(took).toBeGreaterThanOrEqual(200);
});

test("another link holds from now on", async () => {
  const link = await emulate({ target: await serve(echo), link: "400kbps/2ms" });
  const socket = await connect(link);
  socket.write(Buffer.alloc(100_000)); // 2 s as it is
  const took = await ms(async () => {
    const back = receive(socket, 100_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    link.set("100mbps/2ms");
    await back;
  });
  expect(took).toBeGreaterThanOrEqual(100);
  expect(took).toBeLessThan(1000);
});

test("a trace takes the place of the bandwidth", async () => {
  const target = await serve(echo);
  const steps = [
    { durationMs: 250, bitsPerSecond: 0 },
    { durationMs: 60_000, bitsPerSecond: 80e6 },
  ];
  const link = await emulate({ target, link: "80mbps/2ms", traces: { up: { steps } } });
  const socket = await connect(link);
  const took = await ms(async () => {
    socket.write(Buffer.alloc(1000));
    await receive(socket, 1000);
  });
  expect(took).toBeGreaterThan(150);
});

test("a sender that is faster than the link is held up", async () => {
  const maxQueuedBytes = 64 * 1024;
  let received = 0;
  const target = await serve((socket) => socket.on("data", (chunk) => (received += chunk.length)));
  const link = await emulate({ target, link: "1mbps/2ms", maxQueuedBytes });
  const socket = await connect(link);
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 64; i++) socket.write(Buffer.alloc(1 << 20));
  await new Promise((resolve) => setTimeout(resolve, 500));
  // the kernel's own buffers take a few MB, the emulator its queue and a chunk; the rest waits with the sender
  expect(socket.writableLength).toBeGreaterThan(32 << 20);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(80 << 20);
  expect(received).toBeGreaterThan(0);
  expect(received).toBeLessThan(125_000);
});

test("a receiver that does not read holds up its own sender and nobody else", async () => {
  const target = await serve((socket) => {
    socket.once("data", (first) => (first.toString() === "lazy" ? socket.pause() : socket.write(first)));
  });
  const link = await emulate({ target, link: "lan" });
  const lazy = await connect(link);
  lazy.write("lazy");
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (let i = 0; i < 64; i++) lazy.write(Buffer.alloc(1 << 20));
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(lazy.writableLength).toBeGreaterThan(16 << 20);
  const other = await connect(link);
  other.write("hello");
  expect(String(await receive(other, 5))).toBe("hello");
});

test("when a connection breaks, others need not wait for the room that it took", async () => {
  const received = new Map<string, number>();
  const target = await serve((socket) => {
    socket.once("data", (first) => {
      const name = String(first.subarray(0, 1));
      received.set(name, first.length);
      socket.on("data", (chunk) => received.set(name, received.get(name)! + chunk.length));
    });
  });
  const link = await emulate({ target, link: "800kbps/2ms", maxQueuedBytes: 1 });
  const [first, patient, greedy] = [await connect(link), await connect(link), await connect(link)];
  for (const socket of [first, patient, greedy]) socket.write(socket === patient ? "p" : "x");
  await expect.poll(() => received.get("p")).toBe(1);
  // the three are queued in this order, so that the last one fills the queue when the second has arrived
  first.write(Buffer.alloc(10_000));
  patient.write(Buffer.alloc(100));
  await new Promise((resolve) => setTimeout(resolve, 20));
  greedy.write(Buffer.alloc(50_000));
  await expect.poll(() => received.get("p"), { interval: 1 }).toBe(101);
  patient.write(Buffer.alloc(100)); // is not read now
  link.cutMidFrame("up");
  await closed(greedy);
  await expect.poll(() => received.get("p")).toBe(201);
});

test("cut: both sides are told at once, and new connections come through", async () => {
  const ends: Promise<boolean>[] = [];
  const link = await emulate({
    target: await serve((socket) => {
      ends.push(closed(socket));
      echo(socket);
    }),
    link: "100mbps/10ms",
  });
  const socket = await connect(link);
  socket.write("x");
  await receive(socket, 1);
  const end = closed(socket);
  link.cut();
  expect(await end).toBe(true);
  expect(await ends[0]).toBe(true);
  expect(link.stats).toMatchObject({ connections: 0, cuts: 1 });
  const again = await connect(link);
  again.write("y");
  expect(String(await receive(again, 1))).toBe("y");
});

test.each(["up", "down"] as const)(
  "cutMidFrame(%s): half of the data arrives, then the connection breaks",
  async (way) => {
    let got = 0;
    const seen: number[] = [];
    const target = await serve((socket) => {
      socket.on("data", (chunk) => {
        got += chunk.length;
        if (way === "down") socket.write(chunk);
      });
    });
    const link = await emulate({ target, link: "100mbps/4ms" });
    link.cutMidFrame(way);
    const socket = await connect(link);
    socket.on("data", (chunk) => seen.push(chunk.length));
    socket.write(Buffer.alloc(1000));
    await closed(socket);
    expect(way === "up" ? got : seen[0]).toBe(500);
    expect(link.stats.cuts).toBe(1);
  },
);

test("stall: nothing arrives, nobody is told, then everything does", async () => {
  const link = await emulate({ target: await serve(echo), link: "100mbps/2ms" });
  const socket = await connect(link);
  socket.write("a");
  await receive(socket, 1);
  link.stall(300);
  link.stall(50); // does not end the longer one
  const took = await ms(async () => {
    socket.write("b");
    expect(String(await receive(socket, 1))).toBe("b");
  });
  expect(took).toBeGreaterThanOrEqual(295);
  link.freeze();
  const again = receive(socket, 1);
  socket.write("c");
  expect(await Promise.race([again, new Promise((resolve) => setTimeout(resolve, 200, "nothing"))])).toBe("nothing");
  link.thaw();
  expect(String(await again)).toBe("c");
});

test("an end passes behind the data, a reset and a refused connection pass as such", async () => {
  const target = await serve((socket) => {
    socket.on("data", (chunk) => (String(chunk) === "reset" ? socket.resetAndDestroy() : undefined));
    socket.on("end", () => socket.end("bye"));
  });
  const link = await emulate({ target, link: "100mbps/4ms" });
  const polite = await connect(link);
  polite.end("hi");
  expect(String(await receive(polite, 3))).toBe("bye");
  const rude = await connect(link);
  rude.write("reset");
  expect(await closed(rude)).toBe(true);
  const free = await serve(() => {});
  await opened.splice(-1)[0]!(); // nobody listens there any more
  const nowhere = await emulate({ target: free, link: "100mbps/100ms" });
  const refused = await connect(nowhere);
  expect(await ms(() => closed(refused))).toBeGreaterThanOrEqual(95);
  expect(nowhere.stats.connections).toBe(0);
});

test("random cuts come at the link's rate", async () => {
  const link = await emulate({ target: await serve(echo), link: "100mbps/0ms/cuts=50" });
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(link.stats.cuts).toBeGreaterThan(5);
  link.set("100mbps/0ms");
  const { cuts } = link.stats;
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(link.stats.cuts).toBe(cuts);
});

test("redirect() sends new connections elsewhere", async () => {
  const greet = (name: string) => (socket: Socket) => void socket.write(name);
  const link = await emulate({ target: await serve(greet("one")), link: "lan" });
  const before = await connect(link);
  expect(String(await receive(before, 3))).toBe("one");
  link.redirect(await serve(greet("two")));
  expect(String(await receive(await connect(link), 3))).toBe("two");
  expect(link.stats.connections).toBe(2);
});

test("url() leads through the link", async () => {
  const link = await emulate({ target: { host: "127.0.0.1", port: 9 }, link: "4g" });
  expect(link.url("ws://far.example:8484/x?y=1")).toBe(`ws://127.0.0.1:${link.port}/x?y=1`);
});

test("what makes no sense is said before anything is opened", async () => {
  const target = { host: "127.0.0.1", port: 9 };
  await expect(emulateLink({ target, link: "fast" })).rejects.toMatchObject({ code: "Usage" });
  await expect(emulateLink({ target, link: { upBitsPerSecond: 0, downBitsPerSecond: 1, rttMs: 0 } })).rejects.toThrow(
    RangeError,
  );
  await expect(emulateLink({ target, link: "4g", traces: { up: { steps: [] } } })).rejects.toThrow(RangeError);
  await expect(emulateLink({ target, link: "4g", maxQueuedBytes: 0 })).rejects.toThrow(RangeError);
});
