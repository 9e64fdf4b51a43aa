import { beforeEach, describe, expect, test } from "vitest";
import type { LinkSpec } from "../../src/evaluate/link-spec.ts";
import type { Connection, ConnectionHandlers, Dial } from "../../src/transport/transport.ts";
import { TurnedClock } from "../../test/turned-clock.ts";
import { type ShapedDial, shapedDial } from "./shaped-dial.ts";

/** 8 kbit/s: a byte takes a millisecond. */
const slow: LinkSpec = { upBitsPerSecond: 8000, downBitsPerSecond: 8000, rttMs: 100 };

/** The other end of the real connection. */
class Peer {
  readonly heard: number[] = [];
  handlers: ConnectionHandlers | undefined;
  isClosed = false;
  readonly dial: Dial = async (handlers) => {
    this.handlers = handlers;
    this.isClosed = false;
    const connection: Connection = {
      peer: "peer",
      bufferedBytes: 0,
      send: (message) => void this.heard.push(message.length),
      close: () => {
        this.isClosed = true;
      },
    };
    return connection;
  };
}

let clock: TurnedClock;
let peer: Peer;
let shaped: ShapedDial;
let received: number[];
let endings: string[];

beforeEach(() => {
  clock = new TurnedClock();
  peer = new Peer();
  shaped = shapedDial(peer.dial, { clock });
  received = [];
  endings = [];
});

function dial(signal?: AbortSignal): Promise<Connection> {
  const handlers = {
    message: (bytes: Uint8Array) => void received.push(bytes.length),
    closed: (reason: string) => void endings.push(reason),
  };
  return shaped.dial(handlers, { maxMessageBytes: 1000, ...(signal && { signal }) });
}

/** Lets promises go on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** In small steps: timers that timers set must come to their turn. */
function turn(ms: number): void {
  for (let i = 0; i < ms; i++) clock.turn(1);
}

async function connected(): Promise<Connection> {
  const dialling = dial();
  for (let i = 0; i < 300; i++) {
    await settled();
    clock.turn(1);
  }
  return await dialling;
}

test("without a link to emulate, messages go at once", async () => {
  const connection = await dial();
  connection.send(new Uint8Array(50));
  expect(peer.heard).toEqual([50]);
  peer.handlers!.message(new Uint8Array(7));
  expect(received).toEqual([7]);
});

describe("over an emulated link", () => {
  test("connecting takes two round trips", async () => {
    shaped.shape(slow);
    let isOpen = false;
    const dialling = dial().then((connection) => {
      isOpen = true;
      return connection;
    });
    await settled();
    turn(199);
    await settled();
    expect(isOpen).toBe(false);
    turn(2);
    await dialling;
    expect(isOpen).toBe(true);
  });

  test("a message takes half of the round trip and its bits, and those behind it wait", async () => {
    shaped.shape(slow);
    const connection = await connected();
    connection.send(new Uint8Array(40));
    connection.send(new Uint8Array(30));
    turn(88);
    expect(peer.heard).toEqual([]);
    turn(4);
    expect(peer.heard).toEqual([40]);
    turn(26);
    expect(peer.heard).toEqual([40]);
    turn(6);
    expect(peer.heard).toEqual([40, 30]);
    peer.handlers!.message(new Uint8Array(20));
    turn(68);
    expect(received).toEqual([]);
    turn(4);
    expect(received).toEqual([20]);
  });

  test("what has not left counts as waiting", async () => {
    shaped.shape(slow);
    const connection = await connected();
    for (let i = 0; i < 4; i++) connection.send(new Uint8Array(100));
    expect(connection.bufferedBytes).toBe(300);
    turn(700);
    expect(connection.bufferedBytes).toBe(0);
  });

  test("a change counts for what is sent from then on, and order is kept", async () => {
    shaped.shape(slow);
    const connection = await connected();
    connection.send(new Uint8Array(40));
    shaped.shape(undefined);
    connection.send(new Uint8Array(1));
    expect(peer.heard).toEqual([]);
    turn(100);
    expect(peer.heard).toEqual([40, 1]);
    connection.send(new Uint8Array(2));
    expect(peer.heard).toEqual([40, 1, 2]);
  });

  test("a link that cannot be is refused, and the one before stays", async () => {
    expect(() => shaped.shape({ ...slow, upBitsPerSecond: 0 })).toThrow(RangeError);
    const connection = await dial();
    connection.send(new Uint8Array(5));
    expect(peer.heard).toEqual([5]);
  });
});

describe("offline", () => {
  test("breaks what is connected, once, and takes along what is on its way", async () => {
    shaped.shape(slow);
    const connection = await connected();
    connection.send(new Uint8Array(40));
    peer.handlers!.message(new Uint8Array(40));
    shaped.setOffline(true);
    await settled();
    expect(peer.isClosed).toBe(true);
    expect(endings).toEqual(["the emulated link is offline"]);
    peer.handlers!.closed("closed");
    connection.send(new Uint8Array(1));
    turn(500);
    expect([received, peer.heard, endings.length]).toEqual([[], [], 1]);
  });

  test("lets nothing connect until it is over", async () => {
    shaped.setOffline(true);
    await expect(dial()).rejects.toMatchObject({ code: "Connection" });
    shaped.setOffline(false);
    (await dial()).send(new Uint8Array(3));
    expect(peer.heard).toEqual([3]);
  });

  test("also ends what was about to connect", async () => {
    shaped.shape(slow);
    const dialling = dial();
    const refused = expect(dialling).rejects.toMatchObject({ code: "Connection" });
    await settled();
    shaped.setOffline(true);
    turn(300);
    await refused;
    expect(peer.isClosed).toBe(true);
  });
});

test("a connection that the other side closes ends with its reason", async () => {
  await dial();
  peer.handlers!.closed("shut down");
  expect(endings).toEqual(["shut down"]);
});
