// Messages to bytes and back, pure. One table: whoever adds a kind of message adds its form here, or it does not compile.

import { ByteReader } from "../codec/byte-reader.ts";
import { ByteWriter } from "../codec/byte-writer.ts";
import { codecIds, codecNamed } from "../codec/codec-ids.ts";
import { invalidFrame } from "../codec/invalid-frame.ts";
import { MODEL_HASH_BYTES } from "../codec/packet.ts";
import { xxhash32 } from "../codec/xxhash32.ts";
import {
  type ExitAnswer,
  type Message,
  type MessageKind,
  type RefuseCode,
  refusals,
  type TraceContext,
} from "./message.ts";

export const PROTOCOL_VERSION = 1;
/** Longest hello: what a stranger may make us keep. */
export const MAX_HELLO_BYTES = 256;

export interface WireLimits {
  /** Longest message. @default 16 MiB + 64 KiB: a packet at its own limit, and what is around it */
  readonly maxMessageBytes?: number;
}

export const defaultWireLimits: Required<WireLimits> = { maxMessageBytes: 2 ** 24 + 2 ** 16 };

const MAX_TEXT_BYTES = 1024;
const MAX_AGENT_BYTES = 64;
const CHECKSUM_BYTES = 4;
const HELLO_MAGIC = 0x4e4e5053; // "SPNN"
const utf8 = new TextEncoder();
const roles = ["device", "server"] as const;
const payloads = ["packet", "image"] as const;

/** Flags of a run. */
const HAS_DEADLINE = 1;
const HAS_BEST = 2;
const WANTS_LOGITS = 4;
const IS_IMAGE = 8;
const HAS_TRACE = 16;
const ALL_FLAGS = 31;

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
/** W3C's trace flags. */
const SAMPLED = 1;

interface Form<M extends Message> {
  /** Its first byte. */
  readonly id: number;
  write(message: M, out: ByteWriter): void;
  read(reader: ByteReader): M;
}

const forms: { readonly [K in MessageKind]: Form<Extract<Message, { kind: K }>> } = {
  hello: {
    id: 1,
    write({ role, modelHash, limits, agent }, out) {
      if (modelHash.length !== MODEL_HASH_BYTES)
        throw new RangeError(`A model hash has 16 bytes, not ${modelHash.length}`);
      out.u32(HELLO_MAGIC);
      out.u8(PROTOCOL_VERSION);
      out.u8(roles.indexOf(role));
      out.bytes(modelHash);
      out.u32(limits.maxMessageBytes);
      out.u32(limits.maxTensorBytes);
      out.u16(limits.maxInFlight);
      writeText(agent, MAX_AGENT_BYTES, out);
    },
    read(reader) {
      reader.bytes(5); // magic and version, read by `checkVersion` before the checksum
      const role = oneOf(roles, reader, "role");
      const modelHash = reader.bytes(MODEL_HASH_BYTES);
      const limits = { maxMessageBytes: reader.u32(), maxTensorBytes: reader.u32(), maxInFlight: reader.u16() };
      return { kind: "hello", role, modelHash, limits, agent: reader.text(MAX_AGENT_BYTES) };
    },
  },

  run: {
    id: 2,
    write({ id, plan, deadlineMs, best, wantsLogits, trace, payload }, out) {
      if (id === 0) throw new RangeError("A run cannot have id 0, which stands for the connection");
      out.u32(id);
      out.u8(
        (deadlineMs === undefined ? 0 : HAS_DEADLINE) |
          (best === undefined ? 0 : HAS_BEST) |
          (wantsLogits ? WANTS_LOGITS : 0) |
          (payload.kind === "image" ? IS_IMAGE : 0) |
          (trace === undefined ? 0 : HAS_TRACE),
      );
      writeText(plan.cut, MAX_TEXT_BYTES, out);
      out.u8(codecIds[plan.codec]);
      out.u8(plan.bits);
      out.u8(upTo(255, plan.thresholds.length, "thresholds"));
      for (const threshold of plan.thresholds) out.f32(threshold);
      if (deadlineMs !== undefined) out.f32(deadlineMs);
      if (best !== undefined) writeAnswer(best, out);
      if (trace !== undefined) writeTrace(trace, out);
      out.varint(payload.bytes.length);
      out.bytes(payload.bytes);
    },
    read(reader) {
      const id = reader.u32();
      if (id === 0) throw reader.error("its id is 0");
      const flags = reader.u8();
      if (flags > ALL_FLAGS) throw reader.error(`flags ${flags} mean nothing`);
      const cut = reader.text(MAX_TEXT_BYTES);
      const codecId = reader.u8();
      const codec = codecNamed(codecId);
      if (codec === undefined) throw reader.error(`there is no codec ${codecId}`);
      const bits = reader.u8();
      const thresholds = Array.from({ length: reader.u8() }, () => amount(reader, "threshold"));
      return {
        kind: "run",
        id,
        plan: { cut, thresholds, codec, bits },
        ...(flags & HAS_DEADLINE ? { deadlineMs: amount(reader, "deadline") } : {}),
        ...(flags & HAS_BEST ? { best: readAnswer(reader) } : {}),
        wantsLogits: (flags & WANTS_LOGITS) !== 0,
        ...(flags & HAS_TRACE ? { trace: readTrace(reader) } : {}),
        payload: { kind: payloads[flags & IS_IMAGE ? 1 : 0], bytes: reader.bytes(reader.varint()) },
      };
    },
  },

  result: {
    id: 3,
    write(message, out) {
      out.u32(message.id);
      writeAnswer(message, out);
      out.f32(message.queueMs);
      out.f32(message.computeMs);
      const { logits = [] } = message;
      out.varint(logits.length);
      for (const logit of logits) out.f32(logit);
    },
    read(reader) {
      const id = reader.u32();
      const answer = readAnswer(reader);
      const queueMs = amount(reader, "queueing time");
      const computeMs = amount(reader, "computing time");
      const count = reader.varint();
      if (4 * count > reader.left) throw reader.error(`${count} logits are not there`);
      const logits = Float32Array.from({ length: count }, () => reader.f32());
      return { kind: "result", id, ...answer, queueMs, computeMs, ...(count > 0 ? { logits } : {}) };
    },
  },

  refuse: {
    id: 4,
    write({ id, code, reason, loadFactor }, out) {
      out.u32(id);
      out.u8(refusals.indexOf(code));
      out.f32(loadFactor);
      writeText(reason, MAX_TEXT_BYTES, out);
    },
    read(reader) {
      const id = reader.u32();
      const code: RefuseCode = oneOf(refusals, reader, "refusal");
      return { kind: "refuse", id, code, loadFactor: amount(reader, "load"), reason: reader.text(MAX_TEXT_BYTES) };
    },
  },

  cancel: {
    id: 5,
    write: ({ id }, out) => out.u32(id),
    read: (reader) => ({ kind: "cancel", id: reader.u32() }),
  },

  ping: {
    id: 6,
    write({ id, payload }, out) {
      out.u32(id);
      out.varint(payload.length);
      out.bytes(payload);
    },
    read: (reader) => ({ kind: "ping", id: reader.u32(), payload: reader.bytes(reader.varint()) }),
  },

  pong: {
    id: 7,
    write: ({ id }, out) => out.u32(id),
    read: (reader) => ({ kind: "pong", id: reader.u32() }),
  },

  stats: {
    id: 8,
    write({ loadFactor, clients, queued, answered, refused }, out) {
      out.f32(loadFactor);
      out.u32(clients);
      out.u32(queued);
      out.u32(answered);
      out.u32(refused);
    },
    read: (reader) => ({
      kind: "stats",
      loadFactor: amount(reader, "load"),
      clients: reader.u32(),
      queued: reader.u32(),
      answered: reader.u32(),
      refused: reader.u32(),
    }),
  },
};

const kinds = new Map(Object.entries(forms).map(([kind, { id }]) => [id, kind as MessageKind]));

/**
 * One message as one WebSocket message; `encodeFrame` for streams.
 *
 * @returns bytes in memory of their own
 * @throws {RangeError} when a hash, text or list does not fit its field
 */
export function encodeMessage(message: Message): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(expectedSize(message));
  writeMessage(message, out);
  return out.done();
}

/**
 * One message behind its length in four bytes, for transports that know no messages; `FrameReader` is its counterpart.
 *
 * @throws {RangeError} as `encodeMessage`
 */
export function encodeFrame(message: Message): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(4 + expectedSize(message));
  out.u32(0);
  writeMessage(message, out);
  out.setU32(0, out.length - 4);
  return out.done();
}

/**
 * Reads one whole message. Hashes, payloads and packets are views of `bytes`.
 *
 * @throws {SpinnError} InvalidFrame when the bytes are not a message, whole and unharmed, or exceed a limit
 */
export function decodeMessage(bytes: Uint8Array, limits: WireLimits = {}): Message {
  const { maxMessageBytes } = { ...defaultWireLimits, ...limits };
  if (bytes.length > maxMessageBytes) throw invalidFrame("message", `${bytes.length} bytes exceed ${maxMessageBytes}`);
  if (bytes.length <= CHECKSUM_BYTES) throw invalidFrame("message", `${bytes.length} bytes are too few`);
  const body = bytes.subarray(0, bytes.length - CHECKSUM_BYTES);
  const kind = kinds.get(body[0]!);
  if (kind === undefined) throw invalidFrame("message", `there is no kind ${body[0]}`);
  const reader = new ByteReader(body.subarray(1), kind);
  if (kind === "hello") checkVersion(new ByteReader(body.subarray(1), kind));
  if (new ByteReader(bytes.subarray(body.length), kind).u32() !== xxhash32(body)) {
    throw reader.error("its checksum does not match");
  }
  const message = forms[kind].read(reader);
  reader.end();
  return message;
}

/** What the first byte says, before anything is read or checked. */
export function kindOf(bytes: Uint8Array): MessageKind | undefined {
  return kinds.get(bytes[0] ?? 0);
}

function writeMessage(message: Message, out: ByteWriter): void {
  const start = out.length;
  // The table's type says that form and message belong together; TypeScript cannot follow the correlation.
  const form = forms[message.kind] as Form<Message>;
  out.u8(form.id);
  form.write(message, out);
  out.u32(xxhash32(out.done().subarray(start)));
}

/** Somebody who speaks something else, or another version, hears about that rather than about checksums. */
function checkVersion(reader: ByteReader): void {
  if (reader.u32() !== HELLO_MAGIC) throw reader.error("it does not begin with SPNN");
  const version = reader.u8();
  if (version !== PROTOCOL_VERSION) throw reader.error(`its version is ${version}, not ${PROTOCOL_VERSION}`);
}

function expectedSize(message: Message): number {
  if (message.kind === "run") return 160 + message.payload.bytes.length;
  if (message.kind === "ping") return 16 + message.payload.length;
  return message.kind === "result" ? 48 + 4 * (message.logits?.length ?? 0) : 128;
}

function writeText(text: string, maxBytes: number, out: ByteWriter): void {
  upTo(maxBytes, utf8.encode(text).length, "bytes of text");
  out.text(text);
}

function upTo(most: number, value: number, what: string): number {
  if (value > most) throw new RangeError(`Cannot send ${value} ${what}: there is room for ${most}`);
  return value;
}

function writeTrace({ traceId, spanId, sampled }: TraceContext, out: ByteWriter): void {
  if (traceId.length !== TRACE_ID_BYTES || spanId.length !== SPAN_ID_BYTES)
    throw new RangeError("A trace has 16 bytes, a span 8");
  out.bytes(traceId);
  out.bytes(spanId);
  out.u8(sampled ? SAMPLED : 0);
}

function readTrace(reader: ByteReader): TraceContext {
  const traceId = reader.bytes(TRACE_ID_BYTES);
  const spanId = reader.bytes(SPAN_ID_BYTES);
  const flags = reader.u8();
  const isZero = (id: Uint8Array): boolean => id.every((byte) => byte === 0);
  if (isZero(traceId) || isZero(spanId)) throw reader.error("a trace or its span is all zeros");
  if (flags > SAMPLED) throw reader.error(`trace flags ${flags} mean nothing`);
  return { traceId, spanId, sampled: flags === SAMPLED };
}

function writeAnswer({ exit, label, confidence }: ExitAnswer, out: ByteWriter): void {
  out.u8(upTo(255, exit, "exits"));
  out.varint(label);
  out.f32(confidence);
}

function readAnswer(reader: ByteReader): ExitAnswer {
  const exit = reader.u8();
  const label = reader.varint();
  const confidence = amount(reader, "confidence");
  if (confidence > 1) throw reader.error(`confidence ${confidence} exceeds 1`);
  return { exit, label, confidence };
}

/** A float32 that measures something. */
function amount(reader: ByteReader, what: string): number {
  const value = reader.f32();
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) throw reader.error(`${what} ${value} is not a finite amount`);
  return value;
}

function oneOf<T extends string>(names: readonly T[], reader: ByteReader, what: string): T {
  const index = reader.u8();
  const name = names[index];
  if (name === undefined) throw reader.error(`there is no ${what} ${index}`);
  return name;
}
