// What every transport promises (src/transport/transport.ts), as tests: each implementation calls this suite.

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { isSpinnError, messageOf } from "../../src/errors.ts";
import type { Accept, Connection, ConnectionHandlers, Dial } from "../../src/transport/transport.ts";

export interface Service {
  readonly dial: Dial;
  /** A dial that nobody answers, where the transport has such a thing. */
  readonly dialNobody?: Dial;
  close(): Promise<void>;
}

/** Starts a service whose accepting side takes messages of at most `maxMessageBytes`. */
export type StartService = (accept: Accept, maxMessageBytes: number) => Promise<Service>;

const SERVER_LIMIT = 3_000_000;
const DEVICE_LIMIT = 1_000_000;

/** One side of a connection, with everything that happened to it. */
class Side implements ConnectionHandlers {
  connection!: Connection;
  readonly messages: Uint8Array[] = [];
  readonly endings: string[] = [];
  /** Was a handler called from inside `send`? */
  reentered = false;
  #isSending = false;

  message(bytes: Uint8Array): void {
    this.#note();
    this.messages.push(bytes);
  }

  closed(reason: string): void {
    this.#note();
    this.endings.push(reason);
  }

  send(bytes: Uint8Array): void {
    this.#isSending = true;
    this.connection.send(bytes);
    this.#isSending = false;
  }

  #note(): void {
    this.reentered ||= this.#isSending;
  }
}

export function transportSuite(name: string, start: StartService): void {
  describe(`${name} as a transport`, () => {
    const accepted: Side[] = [];
    let service: Service;

    beforeAll(async () => {
      service = await start((connection) => {
        const side = new Side();
        side.connection = connection;
        accepted.push(side);
        return side;
      }, SERVER_LIMIT);
    });
    afterAll(() => service.close());

    async function pair(): Promise<{ device: Side; server: Side }> {
      const device = new Side();
      const before = accepted.length;
      device.connection = await service.dial(device, { maxMessageBytes: DEVICE_LIMIT });
      await vi.waitFor(() => expect(accepted).toHaveLength(before + 1));
      return { device, server: accepted[before]! };
    }

    const until = (assertion: () => void): Promise<void> => vi.waitFor(assertion, { timeout: 20_000, interval: 5 });

    test("messages arrive whole and in order, both ways, and not from inside send()", async () => {
      const { device, server } = await pair();
      const messages = Array.from({ length: 500 }, (_, i) => new Uint8Array(1 + (i % 300)).fill(i));
      for (const message of messages) {
        device.send(message);
        server.send(message);
      }
      await until(() => expect([device.messages.length, server.messages.length]).toEqual([500, 500]));
      expect(server.messages).toEqual(messages);
      expect(device.messages).toEqual(messages);
      expect([device.reentered, server.reentered]).toEqual([false, false]);
      device.connection.close();
    });

    test("what arrives has memory of its own", async () => {
      const { device, server } = await pair();
      const sent = Uint8Array.of(1, 2, 3);
      device.send(sent);
      device.send(sent);
      await until(() => expect(server.messages).toHaveLength(2));
      const [first, second] = server.messages;
      expect(first!.byteLength).toBe(first!.buffer.byteLength);
      first!.fill(9);
      expect([sent, second]).toEqual([Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 3)]);
      device.connection.close();
    });

    test("a message may be as long as the limit; the bytes waiting are counted", async () => {
      const { device, server } = await pair();
      const big = new Uint8Array(SERVER_LIMIT).map((_, i) => i % 251);
      device.send(big);
      device.send(big);
      expect(device.connection.bufferedBytes).toBeGreaterThanOrEqual(SERVER_LIMIT);
      await until(() => expect(server.messages).toHaveLength(2));
      expect(Buffer.compare(server.messages[1]!, big)).toBe(0);
      await until(() => expect(device.connection.bufferedBytes).toBe(0));
      device.connection.close();
    });

    test.each([
      ["server", SERVER_LIMIT],
      ["device", DEVICE_LIMIT],
    ] as const)("a %s that is sent more than it takes cuts the sender off", async (who, limit) => {
      const { device, server } = await pair();
      const [sender, receiver] = who === "server" ? [device, server] : [server, device];
      sender.send(Uint8Array.of(1));
      sender.send(new Uint8Array(limit + 1));
      sender.send(Uint8Array.of(2));
      await until(() => expect([sender.endings.length, receiver.endings.length]).toEqual([1, 1]));
      expect(receiver.messages).toEqual([Uint8Array.of(1)]);
      expect(receiver.endings[0]).toMatch(/exceed/i);
    });

    test.each(["device", "server"] as const)(
      "the %s closes: what it sent before arrives, both hear of it once",
      async (who) => {
        const { device, server } = await pair();
        const [closer, other] = who === "device" ? [device, server] : [server, device];
        closer.send(Uint8Array.of(7));
        closer.connection.close("enough");
        expect(closer.endings).toEqual([]); // never from inside a call
        closer.connection.close("again");
        await until(() => expect([closer.endings.length, other.endings.length]).toEqual([1, 1]));
        expect(other.messages).toEqual([Uint8Array.of(7)]);
        expect([closer.endings, other.endings]).toEqual([["enough"], ["enough"]]);

        closer.send(Uint8Array.of(8));
        other.send(Uint8Array.of(8));
        closer.connection.close();
        other.connection.close();
        await new Promise((resolve) => setTimeout(resolve, 50));
        expect([closer.endings.length, other.endings.length]).toEqual([1, 1]);
        expect([closer.messages.length, other.messages.length]).toEqual([0, 1]);
        expect(closer.connection.bufferedBytes).toBe(0);
      },
    );

    test("both close at once: both hear of it once", async () => {
      const { device, server } = await pair();
      device.connection.close("device");
      server.connection.close("server");
      await until(() => expect([device.endings, server.endings]).toEqual([["device"], ["server"]]));
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect([device.endings.length, server.endings.length]).toEqual([1, 1]);
    });

    test("a reason of any length or script is no reason to fail", async () => {
      const { device, server } = await pair();
      device.connection.close("ä€😀".repeat(100));
      await until(() => expect(server.endings).toHaveLength(1));
      expect(server.endings[0]).toMatch(/^ä€😀/);
    });

    test("who no longer wants to connect does not", async () => {
      const aborted = AbortSignal.abort();
      const before = accepted.length;
      const attempt = service.dial(new Side(), { maxMessageBytes: DEVICE_LIMIT, signal: aborted });
      await expect(attempt).rejects.toSatisfy((error) => isSpinnError(error, "Aborted"));
      expect(accepted).toHaveLength(before);
    });

    test("nobody there is an error of one line that says where", async ({ skip }) => {
      const dial = service.dialNobody ?? skip("somebody is always there");
      const attempt = dial(new Side(), { maxMessageBytes: DEVICE_LIMIT });
      const error: unknown = await attempt.catch((reason) => reason);
      expect(isSpinnError(error, "Connection")).toBe(true);
      expect(messageOf(error)).toMatch(/^Cannot connect to .+: .+\. .+/);
    });
  });
}
