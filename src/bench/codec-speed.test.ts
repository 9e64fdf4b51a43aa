// What the benchmark of the codec says of one cut is about the bytes that are really sent.

import { expect, test } from "vitest";
import { chooseQuantization, encodePacket, encodeTensor, quantize } from "../codec/index.ts";
import { createRng, normal } from "../random.ts";
import type { Cut } from "../splitter/index.ts";
import { loadBlosc } from "./blosc.ts";
import { type Activations, measureCut } from "./codec-speed.ts";

const cut: Cut = {
  id: "relu1",
  tensors: [{ name: "relu1", shape: [1, 4, 16, 16] }],
  bytes: 4096,
  macsBefore: 0,
  index: 0,
};

function activations(images: number): Activations {
  const rng = createRng(1);
  return Array.from({ length: images }, () => {
    const values = Float32Array.from({ length: 1024 }, () => Math.max(0, normal(rng)));
    const quantization = chooseQuantization(values);
    return [{ name: "relu1", shape: [1, 4, 16, 16], ...quantization, values: quantize(values, quantization) }];
  });
}

test("bytes and ratio are those of the packets", async () => {
  const images = activations(2);
  const found = await measureCut("toy", cut, images, undefined);
  const sent = images.map(([tensor]) => {
    const tensors = [encodeTensor(tensor!, { codec: "lz4" })];
    return encodePacket({ modelHash: new Uint8Array(16), cut: cut.id, tensors }).length;
  });
  expect(found).toMatchObject({ model: "toy", cut: "relu1", shape: [1, 4, 16, 16], tensors: 1, float32Bytes: 4096 });
  expect(found.sentBytes).toBe((sent[0]! + sent[1]!) / 2);
  expect(found.ratio).toBeCloseTo(found.float32Bytes / found.sentBytes, 10);
  expect(found.rans.ratio).toBeLessThan(found.entropyRatio * 1.05);
  expect(Math.min(found.encodeMBps, found.decodeMBps)).toBeGreaterThan(0);
});

test("Blosc stands beside where there is one, and is left out where there is none", async () => {
  expect(await measureCut("toy", cut, activations(1), undefined)).not.toHaveProperty("blosc");
  const { blosc } = await measureCut("toy", cut, activations(1), await loadBlosc());
  expect(blosc!.ratio).toBeGreaterThan(3);
  expect(blosc!.speedup).toBeGreaterThan(0);
});
