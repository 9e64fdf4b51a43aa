// What a hostile peer sends: valid messages of every kind and what can be made of them. A seed names the sequence.

import { deflateSync } from "node:zlib";
import { encodePacket, encodeTensor, type PackedTensor, type Packet } from "../src/codec/index.ts";
import { xxhash32 } from "../src/codec/xxhash32.ts";
import type { CutPoint, NetworkInfo } from "../src/engine/index.ts";
import type { Rng } from "../src/random.ts";
import { sizeOf } from "../src/tensor.ts";
import { encodeMessage, type Hello, type Message, type Run } from "../src/wire/index.ts";

export interface Attack {
  /** What was done, for the report. */
  readonly kind: AttackKind;
  /** Sent one after the other; before a hello, if `isUngreeted`. */
  readonly messages: readonly Uint8Array[];
  readonly isUngreeted?: boolean;
  /** One run, which is waited for on a connection of its own: so it gets as far as it can. */
  readonly isAwaited?: boolean;
}

export type AttackKind = (typeof attackKinds)[number];
export const attackKinds = [
  "valid",
  "valid run",
  "bit flips",
  "bit flips, checksum right",
  "truncated",
  "truncated, checksum right",
  "lies about lengths",
  "replayed",
  "wrong hash",
  "wrong order",
  "damaged packet",
  "lies in a packet",
  "decompression bomb",
  "image bomb",
  "oversize",
  "noise",
] as const;

const CODECS = ["float32", "packed", "lz4", "rans"] as const;
/** Where the variable fields of most messages are. */
const HEAD_BYTES = 40;

/** Endless attacks on a server of this network. */
export function hostileFrames(network: NetworkInfo, maxMessageBytes: number, rng: Rng): () => Attack {
  const below = (limit: number): number => Math.floor(rng() * limit);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const cuts = network.cuts.filter(({ id }) => id !== "none");
  const packets = packetsOf(cuts, network.modelHash, rng);
  const imageBomb = hugePng();
  const oversize = new Uint8Array(maxMessageBytes + 1).fill(2);

  // Few plans are common and many rare, as with honest devices: every other plan costs the server new slices.
  const common = cuts.filter((_, i) => i % Math.ceil(cuts.length / 6) === 0);
  const run = (changes: Partial<Run> = {}): Run => {
    const isRare = rng() < 0.05;
    const cut = pick(isRare ? cuts : common);
    const threshold = (): number => (isRare ? 2 : 1) * rng();
    const { exits, classes } = network;
    const passed = cut.exitsBefore;
    return {
      kind: "run",
      id: 1 + below(6),
      plan: {
        cut: cut.id,
        thresholds: rng() < 0.5 ? [threshold()] : exits.map(threshold),
        codec: pick(CODECS),
        bits: 8,
      },
      // Many have little time: the queue stays short, and deadlines pass at every moment of a run's life.
      deadlineMs: rng() < 0.6 ? 20 * rng() : 1e9 * rng(),
      ...(passed > 0 && rng() < 0.5 && { best: { exit: below(passed), label: below(classes), confidence: rng() } }),
      wantsLogits: rng() < 0.5,
      payload: { kind: "packet", bytes: pick(packets.get(cut.id)!) },
      ...changes,
    };
  };
  const awaited = (said: Run): Omit<Attack, "kind"> => {
    const { deadlineMs: _, ...patient } = said;
    return { messages: [encodeMessage(patient)], isAwaited: true };
  };
  const withPacket = (change: (bytes: Uint8Array) => Uint8Array): Omit<Attack, "kind"> => {
    const { payload, ...rest } = run();
    return awaited({ ...rest, payload: { kind: "packet", bytes: change(payload.bytes.slice()) } });
  };
  const hello = (changes: Partial<Hello> = {}): Hello => ({ ...helloOf(network), ...changes });
  const message = (): Message => {
    const amount = rng();
    const answer = { exit: below(8), label: below(20), confidence: rng() };
    return pick<() => Message>([
      hello,
      run,
      run,
      run,
      () => ({ kind: "cancel", id: below(8) }),
      () => ({ kind: "ping", id: below(8), payload: new Uint8Array(below(500)) }),
      () => ({ kind: "pong", id: below(8) }),
      () => ({ kind: "result", id: below(8), ...answer, queueMs: amount, computeMs: amount }),
      () => ({ kind: "refuse", id: below(2), code: "busy", loadFactor: amount, reason: "no" }),
      () => ({ kind: "stats", loadFactor: amount, clients: 1, queued: 2, answered: 3, refused: 4 }),
    ])();
  };
  const flip = (bytes: Uint8Array, end = bytes.length): Uint8Array => {
    for (let flips = 1 + below(4); flips > 0; flips--) bytes[below(Math.min(end, bytes.length))]! ^= 1 << below(8);
    return bytes;
  };
  const hash = (): Uint8Array => Uint8Array.from({ length: 16 }, () => below(256));

  const makers: Readonly<Record<AttackKind, () => Omit<Attack, "kind">>> = {
    valid: () => ({ messages: [encodeMessage(message())] }),
    "valid run": () => awaited(run()),
    "bit flips": () => ({ messages: [flip(encodeMessage(message()))] }),
    "bit flips, checksum right": () => ({ messages: [sealed(flip(encodeMessage(message()), HEAD_BYTES))] }),
    truncated: () => {
      const bytes = encodeMessage(message());
      return { messages: [bytes.slice(0, below(bytes.length))] };
    },
    "truncated, checksum right": () => {
      const bytes = encodeMessage(message());
      return { messages: [sealed(bytes.slice(0, 5 + below(bytes.length - 5)))] };
    },
    "lies about lengths": () => {
      const bytes = encodeMessage(message());
      const at = 1 + below(Math.min(HEAD_BYTES, bytes.length - 5));
      bytes.fill(pick([0x7f, 0x80, 0xff]), at, at + 1 + below(5));
      return { messages: [sealed(bytes)] };
    },
    replayed: () => {
      const bytes = encodeMessage(message());
      return { messages: [bytes, bytes, bytes] };
    },
    "wrong hash": () => {
      if (rng() < 0.5) return { messages: [encodeMessage(hello({ modelHash: hash() }))], isUngreeted: true };
      return withPacket((packet) => resealed(packet, () => packet.set(hash(), 4)));
    },
    "wrong order": () => ({ messages: [encodeMessage(message())], isUngreeted: true }),
    "damaged packet": () => withPacket((packet) => flip(packet)),
    "lies in a packet": () => withPacket((packet) => resealed(packet, () => flip(packet, 80))),
    "decompression bomb": () => awaited(bomb(run(), pick(common), network.modelHash, rng)),
    "image bomb": () => {
      const { plan, ...rest } = run();
      const { best: _, ...first } = rest;
      const payload = { kind: "image", bytes: rng() < 0.5 ? imageBomb : hash() } as const;
      return awaited({ ...first, plan: { ...plan, cut: "input" }, payload });
    },
    oversize: () => ({ messages: [oversize], isUngreeted: rng() < 0.5 }),
    noise: () => {
      const bytes = Uint8Array.from({ length: below(300) }, () => below(256));
      return { messages: [rng() < 0.5 && bytes.length > 4 ? sealed(bytes) : bytes], isUngreeted: rng() < 0.5 };
    },
  };
  return () => {
    // A message of the largest size costs what thousands of others do: it is rare.
    const kind = pick(attackKinds);
    const chosen = kind === "oversize" && rng() < 0.95 ? "noise" : kind;
    return { kind: chosen, ...makers[chosen]() };
  };
}

export function helloOf({ modelHash }: NetworkInfo): Hello {
  const limits = { maxMessageBytes: 2 ** 20, maxTensorBytes: 2 ** 22, maxInFlight: 8 };
  return { kind: "hello", role: "device", modelHash, limits, agent: "peer" };
}

/** For each cut a packet in every codec: what an honest device might send. */
function packetsOf(cuts: readonly CutPoint[], modelHash: Uint8Array, rng: Rng): Map<string, Uint8Array[]> {
  const packetIn = (cut: CutPoint, codec: (typeof CODECS)[number]): Uint8Array => {
    const tensors = cut.tensors.map(({ name, shape }) => {
      const values = Float32Array.from({ length: sizeOf(shape) }, () => Math.max(0, 2 * rng() - 1));
      return encodeTensor({ name, shape, values }, { codec });
    });
    return encodePacket({ modelHash, cut: cut.id, tensors });
  };
  return new Map(cuts.map((cut) => [cut.id, CODECS.map((codec) => packetIn(cut, codec))]));
}

/** Few bytes that unpack to many, or say so. */
function bomb(run: Run, cut: CutPoint, modelHash: Uint8Array, rng: Rng): Run {
  const [first, ...others] = cut.tensors;
  const quantized = { name: first!.name, bits: 8, scale: 1, zeroPoint: 0 };
  const endless = new Uint8Array(1000).fill(255);
  // An LZ4 block: one literal, then a match that goes on and on.
  endless.set([0x1f, 7, 1, 0]);
  const lies: readonly (() => PackedTensor)[] = [
    () => ({ ...quantized, shape: [2 ** 16 - 1, 2 ** 15], codec: "lz4", packed: endless }),
    () => ({ ...quantized, shape: first!.shape, codec: "lz4", packed: endless }),
    () => ({ ...quantized, shape: first!.shape, codec: "rans", packed: endless.map(() => 256 * rng()) }),
    () => ({ ...quantized, shape: [4, ...first!.shape], codec: "packed", packed: endless }),
  ];
  const tensor = lies[Math.floor(lies.length * rng())]!();
  const packet: Packet = { modelHash, cut: cut.id, tensors: [tensor, ...others.map(() => tensor)] };
  const { best: _, ...rest } = run;
  return { ...rest, plan: { ...run.plan, cut: cut.id }, payload: { kind: "packet", bytes: encodePacket(packet) } };
}

/** A PNG of 60 000 x 60 000 pixels in a hundred bytes. */
function hugePng(): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(60_000, 0);
  header.writeUInt32BE(60_000, 4);
  header.set([8, 2], 8);
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const out = Buffer.alloc(12 + data.length);
    out.writeUInt32BE(data.length, 0);
    out.write(type, 4, "latin1");
    out.set(data, 8);
    out.writeUInt32BE(crc32(out.subarray(4, -4)), 8 + data.length);
    return out;
  };
  const signature = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);
  const parts = [chunk("IHDR", header), chunk("IDAT", deflateSync(Buffer.alloc(5000))), chunk("IEND", Buffer.alloc(0))];
  return new Uint8Array(Buffer.concat([signature, ...parts]));
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** With the checksum that a liar would put there. */
function sealed(bytes: Uint8Array): Uint8Array {
  const end = bytes.length - 4;
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(end, xxhash32(bytes.subarray(0, end)), true);
  return bytes;
}

function resealed(packet: Uint8Array, change: () => unknown): Uint8Array {
  change();
  return sealed(packet);
}
