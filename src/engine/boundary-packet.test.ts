// Packets of a cut: exact through float32, near through 8 bits, and refused when they are another network's or cut's, or lie.

import fc from "fast-check";
import { expect, test } from "vitest";
import { toyProgressive } from "../../test/toy.ts";
import { encodeTensor, type PackedTensor } from "../codec/packed-tensor.ts";
import { decodePacket, encodePacket, type Packet } from "../codec/packet.ts";
import { createRng } from "../random.ts";
import { float32, sizeOf } from "../tensor.ts";
import { defaultCoding, packState, unpackState } from "./boundary-packet.ts";
import { describeNetwork } from "./network-info.ts";
import type { BoundaryState } from "./sliced-network.ts";

const network = describeNetwork(toyProgressive());
const cut = network.cuts.find(({ id }) => id === "relu3")!;
const { name, shape } = cut.tensors[0]!;
const rng = createRng(5);
const values = Float32Array.from({ length: sizeOf(shape) }, () => Math.max(0, 4 * rng() - 2));
const state: BoundaryState = { cut: cut.id, tensors: { [name]: float32(values, shape) }, portable: true };
const exact = packState(network, state, { codec: "float32" });

/** The packet after a change that its checksum knows of. */
const changed = (change: Partial<Packet>): Uint8Array => encodePacket({ ...decodePacket(exact), ...change });
const withTensors = (...tensors: PackedTensor[]): Uint8Array => changed({ tensors });
const tensor = (of: Float32Array, dims: readonly number[], as = name): PackedTensor =>
  encodeTensor({ name: as, shape: dims, values: of }, { codec: "float32" });

test("values come back exactly through float32, to half a step through 8 bits", () => {
  expect(unpackState(network, cut.id, exact)).toEqual(state);
  const near = unpackState(network, cut.id, packState(network, state, defaultCoding)).tensors[name]!.data;
  const step = Math.max(...values) / 255;
  expect(Math.max(...values.map((value, i) => Math.abs(value - Number(near[i]))))).toBeLessThan(0.51 * step);
});

test.each([
  ["another network's", changed({ modelHash: new Uint8Array(16) }), /another network/],
  [
    "another cut's",
    changed({ cut: "relu2", tensors: [tensor(values, shape, "relu2")] }),
    /of cut "relu2", not "relu3"/,
  ],
  ["a tensor under another name", withTensors(tensor(values, shape, "x")), /holds "x"\[/],
  ["a tensor of another shape", withTensors(tensor(values, [shape[1]!, shape[0]!, ...shape.slice(2)])), /instead of/],
  [
    "a tensor that is too large",
    withTensors(tensor(new Float32Array(2 * values.length), [2, ...shape.slice(1)])),
    /exceeds/,
  ],
  ["too many tensors", withTensors(tensor(values, shape), tensor(values, shape)), /2 tensors are not from 1 to 1/],
  ["infinity", withTensors(tensor(values.with(7, Number.POSITIVE_INFINITY), shape)), /not finite/],
  ["a NaN", withTensors(tensor(values.with(7, Number.NaN), shape)), /not finite/],
  [
    "quantised values that overflow",
    withTensors({ ...encodeTensor({ name, shape, values }, defaultCoding), scale: 3e38 }),
    /not finite/,
  ],
  ["far too many bytes", new Uint8Array(4 * values.length + 10_000), /bytes exceed/],
])("a packet is refused: %s", (_, bytes, message) => {
  const refusal = expect.objectContaining({ code: "InvalidFrame", message: expect.stringMatching(message) });
  expect(() => unpackState(network, cut.id, bytes)).toThrow(refusal);
});

test("property: whatever is changed or cut off, it is refused as InvalidFrame", () => {
  const packed = packState(network, state, { codec: "rans", bits: 5 });
  fc.assert(
    fc.property(fc.nat(packed.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, by, truncate) => {
      const bytes = truncate ? packed.slice(0, at) : packed.with(at, packed[at]! ^ by);
      expect(() => unpackState(network, cut.id, bytes)).toThrow(expect.objectContaining({ code: "InvalidFrame" }));
    }),
  );
});

test("what the network has computed and cannot be packed is its fault, not the caller's", () => {
  const broken = { ...state, tensors: { [name]: float32(values.with(3, Number.NaN), shape) } };
  expect(() => packState(network, broken, defaultCoding)).toThrow(expect.objectContaining({ code: "Runtime" }));
  const integers = { ...state, tensors: { [name]: { type: "int32", dims: shape, data: new Int32Array(8) } as const } };
  expect(() => packState(network, integers, defaultCoding)).toThrow(
    expect.objectContaining({ code: "UnsupportedModel" }),
  );
  expect(() => unpackState(network, "relu9", exact)).toThrow(RangeError);
});
