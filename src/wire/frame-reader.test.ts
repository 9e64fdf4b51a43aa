import fc from "fast-check";
import { expect, test } from "vitest";
import { anyMessage, hash } from "../../test/messages.ts";
import { isSpinnError } from "../errors.ts";
import { FrameReader } from "./frame-reader.ts";
import type { Message } from "./message.ts";
import { encodeFrame, encodeMessage, MAX_HELLO_BYTES } from "./message-codec.ts";

const hello: Message = {
  kind: "hello",
  role: "device",
  modelHash: hash,
  limits: { maxMessageBytes: 2 ** 20, maxTensorBytes: 2 ** 22, maxInFlight: 8 },
  agent: "x".repeat(64),
};

function join(frames: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(frames.flatMap((frame) => [...frame]));
}

test("messages come out the same however the stream is cut", () => {
  fc.assert(
    fc.property(
      fc.array(anyMessage, { maxLength: 5 }),
      fc.array(fc.nat(40), { minLength: 1, maxLength: 12 }),
      (rest, cuts) => {
        const messages = [hello, ...rest];
        const stream = join(messages.map(encodeFrame));
        const reader = new FrameReader();
        const read: Message[] = [];
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = cuts[i % cuts.length]! + (i % 7 === 0 ? 1 : 0);
          const piece = stream.slice(at, at + size);
          read.push(...reader.push(piece));
          piece.fill(0xee); // what came out shares nothing with what went in
          at += size;
        }
        expect(read).toEqual(messages);
        reader.end();
      },
    ),
    { numRuns: 300 },
  );
});

test("byte by byte: a message comes with its last byte", () => {
  const reader = new FrameReader();
  for (const message of [hello, { kind: "cancel", id: 3 } as const]) {
    const frame = encodeFrame(message);
    for (const byte of frame.subarray(0, -1)) {
      expect(reader.push(Uint8Array.of(byte))).toEqual([]);
      expect(() => reader.end()).not.toThrow(TypeError);
    }
    expect(() => reader.end()).toThrow("Cannot decode frame: the stream ends inside it");
    expect(reader.push(frame.subarray(-1))).toEqual([message]);
    reader.end();
  }
});

test("the first message must be a hello or a refusal of the connection, and short", () => {
  expect(() => new FrameReader().push(encodeFrame({ kind: "pong", id: 1 }))).toThrow("pong came before hello");
  const refusal: Message = { kind: "refuse", id: 0, code: "unknown-model", loadFactor: 1, reason: "no" };
  const refused = new FrameReader();
  expect(refused.push(encodeFrame(refusal))).toEqual([refusal]);
  expect(() => refused.push(encodeFrame({ kind: "pong", id: 1 }))).toThrow("pong came before hello");
  expect(() => new FrameReader().push(encodeFrame({ ...refusal, id: 1 }))).toThrow("refuse came before hello");
  expect(encodeMessage(hello).length).toBeLessThanOrEqual(MAX_HELLO_BYTES);
  const long = encodeFrame({ kind: "ping", id: 1, payload: new Uint8Array(300) });
  expect(() => new FrameReader().push(long)).toThrow("is not from 1 to 256");
});

test("lengths are checked before anything is kept, and an error is final", () => {
  const reader = new FrameReader({ maxMessageBytes: 1000 });
  reader.push(encodeFrame(hello));
  expect(reader.push(encodeFrame({ kind: "ping", id: 1, payload: new Uint8Array(985) }))).toHaveLength(1);
  const attempt = (): unknown => reader.push(Uint8Array.of(0xe9, 3, 0, 0));
  expect(attempt).toThrow("Cannot decode frame: its length 1001 is not from 1 to 1000");
  expect(() => reader.push(encodeFrame({ kind: "cancel", id: 1 }))).toThrow("its length 1001");
  expect(() => reader.end()).toThrow("its length 1001");
  expect(() => new FrameReader().push(new Uint8Array(4))).toThrow("its length 0 is not from 1 to 256");
});

test("a length alone takes no memory", () => {
  const reader = new FrameReader();
  reader.push(encodeFrame(hello));
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 50 }, () => {
    const one = new FrameReader();
    one.push(encodeFrame(hello));
    one.push(Uint8Array.of(0, 0, 0, 1, 2)); // 16 MiB announced
    return one;
  });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
  expect(() => readers[0]!.end()).toThrow("ends inside");
});

test("any bytes at all end in messages or InvalidFrame", () => {
  fc.assert(
    fc.property(
      fc.array(anyMessage, { minLength: 1, maxLength: 3 }),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
      fc.uint8Array({ maxLength: 30 }),
      (messages, edits, tail) => {
        const stream = join([encodeFrame(hello), ...messages.map(encodeFrame), tail]);
        for (const [where, byte] of edits) stream[where % stream.length] = byte;
        const reader = new FrameReader({ maxMessageBytes: 5000 });
        try {
          reader.push(stream);
          reader.end();
        } catch (error) {
          expect(isSpinnError(error, "InvalidFrame")).toBe(true);
        }
      },
    ),
    { numRuns: 2000 },
  );
});
