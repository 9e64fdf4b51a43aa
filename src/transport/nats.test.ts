import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { transportSuite } from "../../test/contract/transport-suite.ts";
import { hasNats, type NatsServer, noNats, startNats } from "../../test/nats-server.ts";
import { createRng } from "../random.ts";
import { natsDial, natsListen } from "./nats.ts";
import type { Accept, ConnectionHandlers } from "./transport.ts";

const PATIENT = { timeout: 30_000, interval: 10 };
const limits = { maxMessageBytes: 1000 };
const silent: ConnectionHandlers = { message: () => {}, closed: () => {} };

describe.skipIf(!hasNats())(hasNats() ? "NATS" : noNats, () => {
  // 3 MB messages and NATS' own megabyte: they travel in parts
  transportSuite("NATS", async (accept, maxMessageBytes) => {
    const server = await startNats();
    const [here, there] = [await server.client(), await server.client()];
    const listener = natsListen({ nats: there, subject: "spinn.test", accept, maxMessageBytes });
    await there.flush();
    return {
      dial: natsDial(here, "spinn.test"),
      dialNobody: natsDial(here, "spinn.nobody"),
      async close() {
        await listener.close();
        await server.close();
      },
    };
  });

  let server: NatsServer;
  beforeAll(async () => {
    server = await startNats();
  });
  afterAll(() => server.close());

  let subjects = 0;
  async function listen(accept: Accept, maxConnections = 10) {
    const nats = await server.client();
    const subject = `spinn.test.${++subjects}`;
    const listener = natsListen({ nats, subject, accept, ...limits, maxConnections });
    onTestFinished(() => listener.close());
    await nats.flush();
    return { nats, subject, listener };
  }

  test("who dies without a word is missed when the next message is for them", async () => {
    const endings: string[] = [];
    const greetings: (() => void)[] = [];
    const { subject } = await listen((connection) => {
      greetings.push(() => connection.send(Uint8Array.of(1)));
      return { message: () => {}, closed: (why) => endings.push(why) };
    });
    const mortal = await server.client();
    await natsDial(mortal, subject)(silent, limits);
    await mortal.close();
    greetings[0]!();
    await vi.waitFor(() => expect(endings).toEqual(["connection lost"]), PATIENT);
  });

  test("noise on an open connection's subject ends that connection; noise for the listener does nothing", async () => {
    const endings: string[] = [];
    const inboxes: string[] = [];
    const { subject } = await listen((connection) => {
      inboxes.push(connection.peer.split(" ")[1]!);
      return { message: () => {}, closed: (why) => endings.push(why) };
    });
    const stranger = await server.client();
    const rng = createRng(1);
    for (let i = 0; i < 200; i++) {
      const noise = Uint8Array.from({ length: 2 + 100 * rng() }, () => 256 * rng());
      stranger.publish(subject, noise, i % 2 ? { reply: "spinn.anywhere" } : {});
    }
    stranger.publish(subject);
    const heard: string[] = [];
    await natsDial(await server.client(), subject)({ ...silent, closed: (why) => heard.push(why) }, limits);
    expect(inboxes).toHaveLength(1);
    stranger.publish(inboxes[0]!, Uint8Array.of(77, 1, 2));
    await vi.waitFor(() => expect([heard, endings].flat()).toHaveLength(2), PATIENT);
    expect(heard).toEqual(endings);
    expect(heard[0]).toMatch(/not a frame/);
  });

  test("parts without an end are not collected without an end", async () => {
    const endings: string[] = [];
    const peers: string[] = [];
    const { subject } = await listen(() => ({ message: () => {}, closed: (why) => endings.push(why) }));
    const dialler = await server.client();
    await natsDial(dialler, subject)({ ...silent, closed: (why) => peers.push(why) }, limits);
    const long = await natsDial(dialler, subject)({ ...silent, closed: (why) => peers.push(why) }, limits);
    long.send(new Uint8Array(5 * 2 ** 20));
    await vi.waitFor(() => expect([endings.length, peers.length]).toEqual([1, 1]), PATIENT);
    expect(peers[0]).toMatch(/exceeds 1000/);
  });

  test("more callers than there is room for are turned away until one leaves", async () => {
    const { subject } = await listen(() => silent, 1);
    const dial = natsDial(await server.client(), subject);
    const first = await dial(silent, limits);
    await expect(dial(silent, limits)).rejects.toThrow(/Cannot connect to .*: 1 connections are open already/);
    first.close();
    const again = await vi.waitFor(() => dial(silent, limits), PATIENT);
    again.close();
  });

  test("when NATS breaks both ends hear of it, dialling fails at once, and works again afterwards", async () => {
    const own = await startNats();
    onTestFinished(() => own.close());
    const endings: string[] = [];
    const note: ConnectionHandlers = { message: () => {}, closed: (why) => endings.push(why) };
    const [here, there] = [await own.client(), await own.client()];
    natsListen({ nats: there, subject: "spinn.test", accept: () => note, ...limits });
    await there.flush();
    const dial = natsDial(here, "spinn.test");
    await dial(note, limits);
    await own.kill();
    await vi.waitFor(() => expect(endings).toEqual(["connection lost", "connection lost"]), PATIENT);
    await expect(dial(note, limits)).rejects.toThrow(/no connection to NATS/);
    await own.start();
    await vi.waitFor(() => dial(note, limits), PATIENT);
  });
});
