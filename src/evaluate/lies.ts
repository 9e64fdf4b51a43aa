// What a broken or malicious server may send instead of the right answer. Every one of these can be seen to be false; an answer
// that is only mistaken cannot, by nobody who has not computed it himself.

import { xxhash32 } from "../codec/xxhash32.ts";
import type { Rng } from "../random.ts";
import type { Result } from "../wire/message.ts";
import { decodeMessage, encodeMessage } from "../wire/message-codec.ts";

export type Lie =
  | "wrong id"
  | "exit out of range"
  | "label out of range"
  | "confidence is not a number"
  | "confidence above 1"
  | "another label for the device's own exit"
  | "too few logits"
  | "flipped bit"
  | "cut short"
  | "noise"
  | "empty"
  | "far too long"
  | "told twice"
  | "a hello"
  | "a run";

type Tell = (result: Result, rng: Rng) => readonly Uint8Array[];

/** In bytes of an encoded result without logits. */
const LABEL_AT = 6;
const CHECKSUM_BYTES = 4;

const told: Readonly<Record<Lie, Tell>> = {
  "wrong id": (result, rng) => [encodeMessage({ ...result, id: (result.id + 1000 + Math.floor(1e6 * rng())) >>> 0 })],
  "exit out of range": (result) => [encodeMessage({ ...result, exit: 200 })],
  "label out of range": (result) => [encodeMessage({ ...result, label: 1e9 })],
  "confidence is not a number": (result) => [withConfidence(result, Number.NaN)],
  "confidence above 1": (result) => [withConfidence(result, 1.5)],
  "another label for the device's own exit": (result) => [
    encodeMessage({ ...result, exit: 0, label: result.label + 1, confidence: 1 }),
  ],
  "too few logits": (result) => [encodeMessage({ ...result, logits: new Float32Array(1) })],
  "flipped bit": (result, rng) => {
    const bytes = encodeMessage(result);
    const bit = Math.floor(rng() * 8 * bytes.length);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    return [bytes];
  },
  "cut short": (result, rng) => {
    const bytes = encodeMessage(result);
    return [bytes.subarray(0, Math.floor(rng() * bytes.length))];
  },
  noise: (_, rng) => [Uint8Array.from({ length: 1 + Math.floor(200 * rng()) }, () => 256 * rng())],
  empty: () => [new Uint8Array(0)],
  "far too long": () => [new Uint8Array(1 << 20)],
  "told twice": (result) => [encodeMessage(result), encodeMessage(result)],
  "a hello": () => [
    encodeMessage({
      kind: "hello",
      role: "server",
      modelHash: new Uint8Array(16),
      limits: { maxMessageBytes: 1, maxTensorBytes: 1, maxInFlight: 1 },
      agent: "liar",
    }),
  ],
  "a run": (result) => [
    encodeMessage({
      kind: "run",
      id: result.id,
      plan: { cut: "input", thresholds: [0], codec: "float32", bits: 32 },
      wantsLogits: true,
      payload: { kind: "packet", bytes: new Uint8Array(8) },
    }),
  ],
};

export const lies: readonly Lie[] = Object.keys(told) as Lie[];

/** @returns what to send in the place of a result */
export function tell(lie: Lie, result: Result, rng: Rng): readonly Uint8Array[] {
  return told[lie](result, rng);
}

/** @returns the message if it is a result, undefined if not */
export function resultIn(bytes: Uint8Array): Result | undefined {
  const message = decodeMessage(bytes);
  return message.kind === "result" ? message : undefined;
}

/** The encoder refuses what is no confidence: changes the bytes and makes the checksum good again. */
function withConfidence(result: Result, confidence: number): Uint8Array {
  const bytes = encodeMessage({ ...result, label: 0 }); // a label of one byte
  const view = new DataView(bytes.buffer);
  view.setFloat32(LABEL_AT + 1, confidence, true);
  const end = bytes.length - CHECKSUM_BYTES;
  view.setUint32(end, xxhash32(bytes.subarray(0, end)), true);
  return bytes;
}
