// Any message of the wire, for property tests.

import fc from "fast-check";
import { type Message, refusals } from "../src/wire/index.ts";

export const hash: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => i * 16 + 1);

const u16 = fc.nat(2 ** 16 - 1);
const u32 = fc.nat(2 ** 32 - 1);
const amount = fc.float({ min: 0, noNaN: true, noDefaultInfinity: true }).map(Math.abs);
const text = fc.string({ maxLength: 20, unit: "binary" });
const idOf = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length }).filter((bytes) => bytes.some((byte) => byte > 0));
const answer = { exit: fc.nat(255), label: u32, confidence: fc.float({ min: 0, max: 1, noNaN: true }).map(Math.abs) };

export const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    kind: fc.constant("hello" as const),
    role: fc.constantFrom("device" as const, "server" as const),
    modelHash: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    limits: fc.record({ maxMessageBytes: u32, maxTensorBytes: u32, maxInFlight: u16 }),
    agent: fc.string({ maxLength: 16 }),
  }),
  fc.record(
    {
      kind: fc.constant("run" as const),
      id: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      plan: fc.record({
        cut: text,
        thresholds: fc.array(amount, { maxLength: 8 }),
        codec: fc.constantFrom("float32" as const, "packed" as const, "lz4" as const, "rans" as const),
        bits: fc.constantFrom(2, 4, 8, 32),
      }),
      deadlineMs: amount,
      best: fc.record(answer),
      wantsLogits: fc.boolean(),
      trace: fc.record({ traceId: idOf(16), spanId: idOf(8), sampled: fc.boolean() }),
      payload: fc.record({
        kind: fc.constantFrom("packet" as const, "image" as const),
        bytes: fc.uint8Array({ maxLength: 50 }),
      }),
    },
    { requiredKeys: ["kind", "id", "plan", "wantsLogits", "payload"] },
  ),
  fc.record(
    {
      kind: fc.constant("result" as const),
      id: u32,
      ...answer,
      queueMs: amount,
      computeMs: amount,
      logits: fc
        .array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 12 })
        .map((list) => Float32Array.from(list)),
    },
    { requiredKeys: ["kind", "id", "exit", "label", "confidence", "queueMs", "computeMs"] },
  ),
  fc.record({
    kind: fc.constant("refuse" as const),
    id: u32,
    code: fc.constantFrom(...refusals),
    reason: text,
    loadFactor: amount,
  }),
  fc.record({ kind: fc.constant("cancel" as const), id: u32 }),
  fc.record({ kind: fc.constant("ping" as const), id: u32, payload: fc.uint8Array({ maxLength: 200 }) }),
  fc.record({ kind: fc.constant("pong" as const), id: u32 }),
  fc.record({
    kind: fc.constant("stats" as const),
    loadFactor: amount,
    clients: u32,
    queued: u32,
    answered: u32,
    refused: u32,
  }),
);
