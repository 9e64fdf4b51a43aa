import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isSpinnError, messageOf } from "../errors.ts";
import { sizeOf } from "../tensor.ts";
import { type CodecName, decodeQuantized, decodeTensor, encodeTensor, type PackedTensor } from "./packed-tensor.ts";
import { decodePacket, encodePacket, type Packet, type PacketLimits } from "./packet.ts";
import { dequantize } from "./quantize.ts";
import { xxhash32 } from "./xxhash32.ts";

const hash = Uint8Array.from({ length: 16 }, (_, i) => i * 16 + 1);
const codecs = ["float32", "packed", "lz4", "rans"] as const satisfies readonly CodecName[];

const tensor: fc.Arbitrary<PackedTensor> = fc
  .record({
    name: fc.string({ minLength: 1, maxLength: 20, unit: "binary" }),
    shape: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 4 }),
    codec: fc.constantFrom(...codecs),
    bits: fc.integer({ min: 2, max: 8 }),
    seed: fc.array(fc.float({ noNaN: true, min: -3, max: 9 }), { minLength: 1, maxLength: 12 }),
  })
  .map(({ name, shape, codec, bits, seed }) => {
    const values = Float32Array.from({ length: sizeOf(shape) }, (_, i) => (i % 3 ? 0 : seed[i % seed.length]!));
    return encodeTensor({ name, shape, values }, { codec, bits });
  });
const packets: fc.Arbitrary<Packet> = fc.record({
  modelHash: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  cut: fc.string({ minLength: 1, maxLength: 12 }),
  tensors: fc.array(tensor, { minLength: 1, maxLength: 3 }),
});

const small: PackedTensor = encodeTensor(
  { name: "relu_9", shape: [1, 2, 4], values: Float32Array.of(0, 0, 1, 2, 0, 0, 0, 0.5) },
  { codec: "packed", bits: 2 },
);

/** With the checksum that a liar would put there. */
function sealed(bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  const end = out.length - 4;
  new DataView(out.buffer).setUint32(end, xxhash32(out.subarray(0, end)), true);
  return out;
}

function reason(bytes: Uint8Array, limits?: PacketLimits): string {
  try {
    decodePacket(bytes, limits);
  } catch (error) {
    if (!isSpinnError(error, "InvalidFrame")) throw error;
    expect(error.message).not.toContain("\n");
    return messageOf(error);
  }
  return "none";
}

test("decodePacket() undoes encodePacket()", () => {
  fc.assert(
    fc.property(packets, (packet) => {
      expect(decodePacket(encodePacket(packet))).toEqual(packet);
    }),
    { numRuns: 500 },
  );
});

test("a packet byte by byte, as docs/protocol.md has it", () => {
  const bytes = encodePacket({ modelHash: hash, cut: "relu_9", tensors: [small, { ...small, name: "é" }] });
  const header = [1, 3, 1, 2, 4, 2, 0, 0xab, 0xaa, 0x2a, 0x3f, 8, 2]; // 2 / 3 = 0x3f2aaaab
  expect([...bytes.subarray(0, -4)]).toEqual([
    ...[0x53, 0x50, 1, 2],
    ...hash,
    ...[6, 0x72, 0x65, 0x6c, 0x75, 0x5f, 0x39],
    ...[0, ...header],
    ...[2, 0xc3, 0xa9, ...header],
    // 0 0 2 3 0 0 0 1 (0.5 is 0.75 of a step, 1 one and a half: half to even), by planes
    ...[0b10001000, 0b00001100, 0b10001000, 0b00001100],
  ]);
  expect(new DataView(bytes.buffer, bytes.length - 4).getUint32(0, true)).toBe(xxhash32(bytes.subarray(0, -4)));
});

test("float32 travels bit for bit, NaN and infinities too", () => {
  const values = Float32Array.of(0, -0, 1e-45, Number.NaN, Number.NEGATIVE_INFINITY, 3.4e38, 1, 2);
  const packed = encodeTensor({ name: "x", shape: [8], values }, { codec: "float32" });
  const [back] = decodePacket(encodePacket({ modelHash: hash, cut: "input", tensors: [packed] })).tensors;
  expect(decodeTensor(back!)).toEqual(values);
  expect(() => decodeQuantized(back!)).toThrow("x is not quantized");
});

test("a tensor that is quantised already comes out as the same bytes, at any address", () => {
  const values = Uint8Array.from({ length: 1003 }, (_, i) => (i % 5 === 0 ? i : 130)).subarray(3);
  const quantized = { name: "t", shape: [1, 1000], bits: 8, scale: Math.fround(0.1), zeroPoint: 130, values };
  for (const codec of ["packed", "lz4", "rans"] as const) {
    const packed = encodeTensor(quantized, { codec });
    const message = encodePacket({ modelHash: hash, cut: "t", tensors: [packed] });
    const odd = new Uint8Array(message.length + 1);
    odd.set(message, 1);
    const [back] = decodePacket(odd.subarray(1)).tensors;
    expect(decodeQuantized(back!)).toEqual(quantized);
    expect(decodeTensor(back!)).toEqual(dequantize(values, quantized));
  }
  expect(() => encodeTensor(quantized, { codec: "lz4", bits: 4 })).toThrow(RangeError);
  expect(() => encodeTensor(quantized, { codec: "float32" })).toThrow(RangeError);
});

test("Node's Buffer, a view of a shared pool, is read like any bytes", () => {
  const packed = encodeTensor({ name: "x", shape: [2], values: Float32Array.of(1, 2) }, { codec: "float32" });
  const buffer = Buffer.from(encodePacket({ modelHash: hash, cut: "input", tensors: [packed] }));
  expect(decodeTensor(decodePacket(buffer).tensors[0]!)).toEqual(Float32Array.of(1, 2));
});

test("what a coder would make longer travels packed", () => {
  const values = Uint8Array.from({ length: 256 }, (_, i) => Math.imul(i * i + 1, 0x9e3779b1) >>> 24);
  for (const codec of ["lz4", "rans"] as const) {
    const packed = encodeTensor({ name: "t", shape: [256], bits: 8, scale: 1, zeroPoint: 0, values }, { codec });
    expect(packed.codec).toBe("packed");
    expect(packed.packed.length).toBe(256);
  }
});

test("encoding refuses what does not fit together", () => {
  const values = new Float32Array(6);
  expect(() => encodeTensor({ name: "x", shape: [2, 2], values }, { codec: "lz4" })).toThrow("6 values as [2, 2]");
  expect(() => encodeTensor({ name: "x", shape: [0], values: new Float32Array(0) }, { codec: "lz4" })).toThrow(
    RangeError,
  );
  expect(() => encodeTensor({ name: "x", shape: [6], values }, { codec: "lz4", bits: 9 })).toThrow("2 to 8");
  const bad = Float32Array.of(1, Number.NaN);
  expect(() => encodeTensor({ name: "x", shape: [2], values: bad }, { codec: "lz4" })).toThrow("not finite");
  expect(() => encodePacket({ modelHash: hash.subarray(1), cut: "a", tensors: [small] })).toThrow("16 bytes");
  expect(() => encodePacket({ modelHash: hash, cut: "a", tensors: [] })).toThrow("0 tensors");
});

test("any flipped bit, any missing or additional byte is noticed", () => {
  fc.assert(
    fc.property(packets, fc.nat(), fc.integer({ min: 1, max: 255 }), (packet, where, mask) => {
      const bytes = encodePacket(packet);
      const flipped = bytes.slice();
      flipped[where % bytes.length]! ^= mask;
      expect(reason(flipped)).not.toBe("none");
      expect(reason(bytes.slice(0, where % bytes.length))).not.toBe("none");
      expect(reason(Uint8Array.of(...bytes, mask))).not.toBe("none");
    }),
    { numRuns: 1000 },
  );
});

test("lies under a right checksum end in InvalidFrame or in tensors within the limits", () => {
  const limits = { maxTensorBytes: 4096 };
  fc.assert(
    fc.property(packets, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }), (packet, lies) => {
      const bytes = encodePacket(packet);
      for (const [where, byte] of lies) bytes[where % (bytes.length - 4)] = byte;
      try {
        const { tensors } = decodePacket(sealed(bytes), limits);
        for (const one of tensors) expect(decodeTensor(one).length).toBeLessThanOrEqual(1024);
      } catch (error) {
        expect(isSpinnError(error, "InvalidFrame")).toBe(true);
      }
    }),
    { numRuns: 2000 },
  );
});

// Offsets in a packet with one tensor: name length 27, codec 28, rank 29, dims 30.., bits 33, zero point 34, scale 35..38,
// raw size 39, packed size 40.
test.each<[string, (bytes: Uint8Array) => void]>([
  ["it does not begin with SP", (b) => b.set([0x54], 0)],
  ["its version is 9, not 1", (b) => b.set([9], 2)],
  ["0 tensors are not from 1 to 16", (b) => b.set([0], 3)],
  ["17 tensors are not from 1 to 16", (b) => b.set([17], 3)],
  ["a text of 1025 bytes exceeds 1024", (b) => b.set([0x81, 0x08], 20)],
  ["a text is not UTF-8", (b) => b.set([0xff], 21)],
  ["there is no codec 99", (b) => b.set([99], 28)],
  ["9 dimensions exceed 8", (b) => b.set([9], 29)],
  ["a tensor is empty or exceeds 67108864 bytes", (b) => b.set([0], 30)],
  ["a tensor is empty or exceeds 67108864 bytes", (b) => b.set([0xff, 0xff, 0xff, 0x7f], 30)],
  ["a number is not in its shortest form", (b) => b.set([0x81, 0x00], 30)],
  ["a number exceeds 32 bits", (b) => b.set([0xff, 0xff, 0xff, 0xff, 0xff], 30)],
  ["1 bits are not from 2 to 8", (b) => b.set([1], 33)],
  ["zero point 4 does not fit in 2 bits", (b) => b.set([4], 34)],
  ["scale NaN is not positive", (b) => b.set([0, 0, 0xc0, 0x7f], 35)],
  ["scale -2 is not positive", (b) => b.set([0, 0, 0, 0xc0], 35)],
  ["a tensor's size is not that of its shape", (b) => b.set([9], 39)],
  ["it ends 1 bytes too early", (b) => b.set([3], 40)],
  ["1 bytes are left over", (b) => b.set([1], 40)],
])("%s", (message, edit) => {
  const bytes = encodePacket({ modelHash: hash, cut: "relu_9", tensors: [small] });
  edit(bytes);
  expect(reason(sealed(bytes))).toBe(`Cannot decode packet: ${message}`);
});

test("limits", () => {
  const bytes = encodePacket({ modelHash: hash, cut: "relu_9", tensors: [small, small] });
  expect(reason(bytes, { maxPacketBytes: bytes.length - 1 })).toContain(`${bytes.length} bytes exceed`);
  expect(reason(bytes, { maxPacketBytes: bytes.length })).toBe("none");
  expect(reason(bytes, { maxTensorBytes: 64 })).toBe("none");
  expect(reason(bytes, { maxTensorBytes: 63 })).toContain("exceeds 31 bytes"); // together, not each
  expect(reason(bytes, { maxTensors: 1 })).toContain("2 tensors");
  expect(reason(bytes, { maxNameBytes: 5 })).toContain("a text of 6 bytes exceeds 5");
});

test("a few bytes cannot ask for much memory", () => {
  const bomb = encodeTensor({ name: "t", shape: [2 ** 20], values: new Float32Array(2 ** 20) }, { codec: "rans" });
  const bytes = encodePacket({ modelHash: hash, cut: "t", tensors: [bomb] });
  expect(bytes.length).toBeLessThan(400);
  expect(reason(bytes, { maxTensorBytes: 2 ** 22 - 1 })).toContain("exceeds 4194303 bytes");
});

// Written by scripts elsewhere, or another version of this one: these must decode, and encoding must give the same again.
interface Vector {
  name: string;
  codec: CodecName;
  bits: number;
  shape: number[];
  /** float32 bytes, little-endian, as hexadecimal digits. */
  values: string;
  packet: string;
}

const vectors: Vector[] = JSON.parse(readFileSync(new URL("packet.vectors.json", import.meta.url), "utf8"));

test.each(vectors)("test vector $name", ({ codec, bits, shape, values, packet }) => {
  const floats = new Float32Array(new Uint8Array(Buffer.from(values, "hex")).buffer);
  const encoded = encodeTensor({ name: "t", shape, values: floats }, { codec, bits });
  const bytes = encodePacket({ modelHash: hash, cut: "t", tensors: [encoded] });
  expect(Buffer.from(bytes).toString("hex")).toBe(packet);
  const [back] = decodePacket(new Uint8Array(Buffer.from(packet, "hex"))).tensors;
  expect(decodeTensor(back!)).toEqual(decodeTensor(encoded));
});
