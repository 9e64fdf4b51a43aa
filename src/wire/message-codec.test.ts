import fc from "fast-check";
import { expect, test } from "vitest";
import { anyMessage, hash } from "../../test/messages.ts";
import { xxhash32 } from "../codec/xxhash32.ts";
import { isSpinnError, messageOf } from "../errors.ts";
import type { Message } from "./message.ts";
import { decodeMessage, encodeFrame, encodeMessage, type WireLimits } from "./message-codec.ts";

/** With the checksum that a liar would put there. */
function sealed(bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  const end = out.length - 4;
  new DataView(out.buffer).setUint32(end, xxhash32(out.subarray(0, end)), true);
  return out;
}

function reason(bytes: Uint8Array, limits?: WireLimits): string {
  try {
    decodeMessage(bytes, limits);
  } catch (error) {
    if (!isSpinnError(error, "InvalidFrame")) throw error;
    expect(error.message).not.toContain("\n");
    return messageOf(error);
  }
  return "none";
}

test("decodeMessage() undoes encodeMessage()", () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const bytes = encodeMessage(message);
      expect(decodeMessage(bytes)).toEqual(message);
      const frame = encodeFrame(message);
      expect(new DataView(frame.buffer).getUint32(0, true)).toBe(bytes.length);
      expect(frame.subarray(4)).toEqual(bytes);
    }),
    { numRuns: 1000 },
  );
});

const half = [0, 0, 0, 0x3f];
const two = [0, 0, 0, 0x40];
const answer = { exit: 3, label: 200, confidence: 0.5 };

// docs/protocol.md, table by table. Every message ends in its checksum.
test.each<[Message, number[]]>([
  [
    {
      kind: "hello",
      role: "server",
      modelHash: hash,
      limits: { maxMessageBytes: 0x01020304, maxTensorBytes: 0x05060708, maxInFlight: 0x090a },
      agent: "é",
    },
    [1, 0x53, 0x50, 0x4e, 0x4e, 1, 1, ...hash, 4, 3, 2, 1, 8, 7, 6, 5, 0x0a, 0x09, 2, 0xc3, 0xa9],
  ],
  [
    {
      kind: "run",
      id: 0x01020304,
      plan: { cut: "r9", thresholds: [0.5, 2], codec: "rans", bits: 8 },
      deadlineMs: 2,
      best: answer,
      wantsLogits: true,
      payload: { kind: "packet", bytes: Uint8Array.of(7, 8) },
    },
    [2, 4, 3, 2, 1, 7, 2, 0x72, 0x39, 3, 8, 2, ...half, ...two, ...two, 3, 0xc8, 0x01, ...half, 2, 7, 8],
  ],
  [
    {
      kind: "run",
      id: 5,
      plan: { cut: "input", thresholds: [], codec: "float32", bits: 32 },
      wantsLogits: false,
      payload: { kind: "image", bytes: Uint8Array.of(9) },
    },
    [2, 5, 0, 0, 0, 8, 5, 0x69, 0x6e, 0x70, 0x75, 0x74, 0, 32, 0, 1, 9],
  ],
  [
    {
      kind: "run",
      id: 5,
      plan: { cut: "r9", thresholds: [], codec: "float32", bits: 32 },
      wantsLogits: false,
      trace: { traceId: hash, spanId: hash.subarray(8), sampled: true },
      payload: { kind: "packet", bytes: Uint8Array.of(9) },
    },
    [2, 5, 0, 0, 0, 16, 2, 0x72, 0x39, 0, 32, 0, ...hash, ...hash.slice(8), 1, 1, 9],
  ],
  [
    { kind: "result", id: 6, ...answer, queueMs: 2, computeMs: 0.5, logits: Float32Array.of(0.5, 2) },
    [3, 6, 0, 0, 0, 3, 0xc8, 0x01, ...half, ...two, ...half, 2, ...half, ...two],
  ],
  [
    { kind: "result", id: 6, ...answer, queueMs: 0, computeMs: 0 },
    [3, 6, 0, 0, 0, 3, 0xc8, 1, ...half, ...Array(9).fill(0)],
  ],
  [
    { kind: "refuse", id: 7, code: "unknown-cut", loadFactor: 2, reason: "ab" },
    [4, 7, 0, 0, 0, 3, ...two, 2, 0x61, 0x62],
  ],
  [{ kind: "cancel", id: 8 }, [5, 8, 0, 0, 0]],
  [{ kind: "ping", id: 9, payload: Uint8Array.of(1, 2) }, [6, 9, 0, 0, 0, 2, 1, 2]],
  [{ kind: "pong", id: 10 }, [7, 10, 0, 0, 0]],
  [
    { kind: "stats", loadFactor: 0.5, clients: 1, queued: 2, answered: 3, refused: 4 },
    [8, ...half, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0],
  ],
])("bytes of %o", (message, expected) => {
  const bytes = encodeMessage(message);
  expect([...bytes.subarray(0, -4)]).toEqual(expected);
  expect(sealed(bytes)).toEqual(bytes);
  expect(decodeMessage(bytes)).toEqual(message);
});

test("any flipped bit, any missing or additional byte is noticed", () => {
  fc.assert(
    fc.property(anyMessage, fc.nat(), fc.integer({ min: 1, max: 255 }), (message, where, mask) => {
      const bytes = encodeMessage(message);
      const flipped = bytes.slice();
      flipped[where % bytes.length]! ^= mask;
      expect(reason(flipped)).not.toBe("none");
      expect(reason(bytes.slice(0, where % bytes.length))).not.toBe("none");
      expect(reason(Uint8Array.of(...bytes, mask))).not.toBe("none");
    }),
    { numRuns: 1000 },
  );
});

test("lies under a right checksum end in InvalidFrame or in a message", () => {
  fc.assert(
    fc.property(
      anyMessage,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (message, lies) => {
        const bytes = encodeMessage(message);
        for (const [where, byte] of lies) bytes[where % (bytes.length - 4)] = byte;
        reason(sealed(bytes));
      },
    ),
    { numRuns: 2000 },
  );
});

const hello: Message = {
  kind: "hello",
  role: "device",
  modelHash: hash,
  limits: { maxMessageBytes: 1, maxTensorBytes: 1, maxInFlight: 1 },
  agent: "spinn",
};
const run: Message = {
  kind: "run",
  id: 1,
  plan: { cut: "c", thresholds: [0.5], codec: "lz4", bits: 8 },
  best: answer,
  deadlineMs: 5,
  wantsLogits: true,
  payload: { kind: "packet", bytes: new Uint8Array(3) },
};
const result: Message = { kind: "result", id: 1, ...answer, queueMs: 1, computeMs: 1, logits: new Float32Array(2) };
const refuse: Message = { kind: "refuse", id: 1, code: "busy", loadFactor: 1, reason: "full" };
const nan = [0, 0, 0xc0, 0x7f];

test.each<[string, Message, number[], number]>([
  ["message: there is no kind 0", hello, [0], 0],
  ["message: there is no kind 9", hello, [9], 0],
  ["hello: it does not begin with SPNN", hello, [0x54], 1],
  ["hello: its version is 2, not 1", hello, [2], 5],
  ["hello: there is no role 2", hello, [2], 6],
  ["hello: a text of 65 bytes exceeds 64", hello, [65], 33],
  ["run: its id is 0", run, [0], 1],
  ["run: flags 32 mean nothing", run, [32], 5],
  ["run: there is no codec 4", run, [4], 8],
  ["run: threshold NaN is not a finite amount", run, nan, 11],
  ["run: deadline -2 is not a finite amount", run, [0, 0, 0, 0xc0], 15],
  ["run: confidence 2 exceeds 1", run, two, 22],
  ["run: it ends 1 bytes too early", run, [4], 26],
  ["run: 1 bytes are left over", run, [2], 26],
  ["result: 100 logits are not there", result, [100], 20],
  ["result: queueing time NaN is not a finite amount", result, nan, 12],
  ["refuse: there is no refusal 12", refuse, [12], 5],
])("%s", (message, valid, bytes, at) => {
  const wrong = encodeMessage(valid);
  wrong.set(bytes, at);
  expect(reason(sealed(wrong))).toBe(`Cannot decode ${message}`);
});

test("limits, and too little of anything", () => {
  const bytes = encodeMessage(run);
  expect(reason(bytes, { maxMessageBytes: bytes.length })).toBe("none");
  expect(reason(bytes, { maxMessageBytes: bytes.length - 1 })).toContain(`${bytes.length} bytes exceed`);
  expect(reason(new Uint8Array(0))).toContain("0 bytes are too few");
  expect(reason(new Uint8Array(4))).toContain("4 bytes are too few");
});

test("encoding refuses what its field cannot hold", () => {
  expect(() => encodeMessage({ ...hello, modelHash: hash.subarray(1) } as Message)).toThrow("16 bytes");
  expect(() => encodeMessage({ ...hello, agent: "é".repeat(33) } as Message)).toThrow("66 bytes of text");
  expect(() => encodeMessage({ ...refuse, reason: "x".repeat(1025) } as Message)).toThrow("1025 bytes of text");
  const plan = { ...run.plan, thresholds: Array<number>(256).fill(0) };
  expect(() => encodeMessage({ ...run, plan } as Message)).toThrow("256 thresholds");
  expect(() => encodeMessage({ ...run, id: 0 } as Message)).toThrow("id 0");
  expect(() => encodeMessage({ ...result, exit: 256 } as Message)).toThrow("256 exits");
});
