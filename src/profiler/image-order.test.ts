import { expect, test } from "vitest";
import { createRng } from "../random.ts";
import { imageOrder } from "./image-order.ts";

test("every image once, with and without knowledge of them, the same for the same seed", () => {
  const rng = createRng(1);
  for (const length of [1, 2, 7, 500]) {
    const known = {
      images: length,
      confidences: Float32Array.from({ length: 2 * length }, rng),
      correct: Uint8Array.from({ length: 2 * length }, () => (rng() < 0.7 ? 1 : 0)),
    };
    for (const record of [undefined, known]) {
      const order = imageOrder(length, 5, record);
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
      expect(imageOrder(length, 5, record)).toEqual(order);
    }
  }
});

test("with knowledge a few images stand for all better than chance does", () => {
  const rng = createRng(2);
  const images = 5000;
  const correct = Uint8Array.from({ length: images }, () => (rng() < 0.9 ? 1 : 0));
  const known = { images, confidences: Float32Array.from({ length: images }, rng), correct };
  const top1 = (order: Uint32Array): number => order.reduce((sum, image) => sum + correct[image]!, 0) / order.length;
  const all = top1(Uint32Array.from({ length: images }, (_, i) => i));
  const errors = (record?: typeof known): number[] =>
    Array.from({ length: 20 }, (_, seed) => Math.abs(top1(imageOrder(images, seed, record).subarray(0, 300)) - all));
  const worst = Math.max(...errors(known));
  expect(worst).toBeLessThan(0.007);
  expect(Math.max(...errors())).toBeGreaterThan(2 * worst);
});
