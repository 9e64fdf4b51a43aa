// Packets in a page: the same bytes as in Node.

import { decodePacket, decodeTensor, encodePacket, encodeTensor } from "../../../src/codec/index.ts";
import type { Lab, PacketVector } from "../lab.ts";

export const codecLab: Pick<Lab, "wrongPackets"> = {
  wrongPackets: async (vectors) => vectors.filter((vector) => !isRight(vector)).map(({ name }) => name),
};

function isRight({ codec, bits, shape, values, packet }: PacketVector): boolean {
  const bytes = fromHex(packet);
  const { modelHash, cut, tensors } = decodePacket(bytes);
  const floats = new Float32Array(fromHex(values).buffer);
  const tensor = encodeTensor({ name: "t", shape, values: floats }, { codec, bits });
  const again = encodePacket({ modelHash, cut, tensors: [tensor] });
  return isSame(again, bytes) && isSame(decodeTensor(tensors[0]!), decodeTensor(tensor));
}

function isSame(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  return a.length === b.length && Array.from(a).every((value, i) => Object.is(value, b[i]));
}

function fromHex(digits: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
