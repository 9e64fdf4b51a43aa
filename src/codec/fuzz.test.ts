// Thousands of packets damaged at random, half of them with a checksum that covers it up. For more:
// SPINN_FUZZ=1000000 npx vitest run src/codec/fuzz.test.ts

import { expect, test } from "vitest";
import { isSpinnError } from "../errors.ts";
import { createRng, normal } from "../random.ts";
import { decodeTensor, encodeTensor } from "./packed-tensor.ts";
import { decodePacket, encodePacket } from "./packet.ts";
import { xxhash32 } from "./xxhash32.ts";

const RUNS = Number(process.env.SPINN_FUZZ ?? 4000);
const MAX_TENSOR_BYTES = 2 ** 16;

test(`${RUNS} damaged packets: InvalidFrame, or what a liar with a right checksum may say, within the limits`, () => {
  const rng = createRng(1);
  const below = (limit: number): number => Math.floor(rng() * limit);
  const samples = (["float32", "packed", "lz4", "rans"] as const).flatMap((codec) =>
    [3, 8].flatMap((bits) =>
      [7, 900, 6000].map((length) => {
        const values = Float32Array.from({ length }, () => Math.max(0, normal(rng) - 0.3));
        const tensor = encodeTensor({ name: "t", shape: [1, length], values }, { codec, bits });
        return encodePacket({ modelHash: new Uint8Array(16), cut: "t", tensors: [tensor] });
      }),
    ),
  );
  let refused = 0;
  let unnoticed = 0;
  for (let run = 0; run < RUNS; run++) {
    let bytes = samples[below(samples.length)]!.slice();
    const original = bytes;
    for (let edits = 1 + below(3); edits > 0; edits--) bytes = damage(bytes, below);
    const covered = rng() < 0.5;
    if (covered && bytes.length >= 4) {
      new DataView(bytes.buffer).setUint32(bytes.length - 4, xxhash32(bytes.subarray(0, -4)), true);
    }
    try {
      const { tensors } = decodePacket(bytes, { maxTensorBytes: MAX_TENSOR_BYTES });
      for (const tensor of tensors) expect(4 * decodeTensor(tensor).length).toBeLessThanOrEqual(MAX_TENSOR_BYTES);
      if (!covered && Buffer.compare(bytes, original) !== 0) unnoticed++; // two edits may undo each other
    } catch (error) {
      if (!isSpinnError(error, "InvalidFrame")) throw error;
      refused++;
    }
  }
  expect(unnoticed).toBe(0);
  expect(refused).toBeGreaterThan(0.6 * RUNS);
}, 3_600_000);

/** Changes, removes or adds something. */
function damage(bytes: Uint8Array<ArrayBuffer>, below: (limit: number) => number): Uint8Array<ArrayBuffer> {
  const at = below(bytes.length);
  switch (below(5)) {
    case 0: {
      const flipped = bytes.slice();
      flipped[at]! ^= 1 << below(8);
      return flipped;
    }
    case 1: {
      const changed = bytes.slice();
      changed[Math.min(at, below(60))]! ^= 1 + below(255); // headers more often than payloads
      return changed;
    }
    case 2:
      return bytes.slice(0, at);
    case 3:
      return Uint8Array.of(...bytes.subarray(0, at), below(256), ...bytes.subarray(at));
    default:
      return Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + 1));
  }
}
