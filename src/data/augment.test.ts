import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { augmentations, drawView } from "./augment.ts";

const views = (augmentation: Parameters<typeof drawView>[0], width = 32, height = 32) =>
  Array.from({ length: 2000 }, (_, index) => drawView(augmentation, 7, 3, index, width, height));

describe("drawView()", () => {
  test("depends on seed, epoch and image alone", () => {
    const draw = (seed: number, epoch: number, index: number) =>
      drawView(augmentations.cifar, seed, epoch, index, 32, 32);
    expect(draw(1, 2, 3)).toEqual(draw(1, 2, 3));
    const others = [draw(1, 2, 3), draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4), draw(1, 3, 2)];
    expect(new Set(others.map((view) => JSON.stringify(view))).size).toBeGreaterThan(3);
  });

  test("moves by every distance up to the padding, and mirrors half of the images", () => {
    const drawn = views(augmentations.cifar);
    const distances = [-4, -3, -2, -1, 0, 1, 2, 3, 4];
    expect([...new Set(drawn.map(({ dx }) => dx))].sort((a, b) => a - b)).toEqual(distances);
    expect([...new Set(drawn.map(({ dy }) => dy))].sort((a, b) => a - b)).toEqual(distances);
    expect(drawn.filter(({ flip }) => flip).length / drawn.length).toBeCloseTo(0.5, 1);
  });

  test("does not mirror digits", () => {
    expect(views(augmentations.mnist).some(({ flip }) => flip)).toBe(false);
  });

  test("keeps parts inside the image and above the smallest area", () => {
    const size = fc.integer({ min: 1, max: 600 });
    fc.assert(
      fc.property(size, size, fc.nat(), (width, height, index) => {
        const { box } = drawView({ crop: "resized", minArea: 0.3 }, 1, 1, index, width, height);
        expect(box!.x >= 0 && box!.y >= 0 && box!.x + box!.width <= width && box!.y + box!.height <= height).toBe(true);
        // sides are rounded to pixels
        expect((box!.width + 0.5) * (box!.height + 0.5)).toBeGreaterThanOrEqual(0.3 * width * height * 0.999);
      }),
    );
  });

  test("crops nothing when told so", () => {
    expect(drawView({ crop: "none" }, 1, 1, 1, 32, 32)).toEqual({ dx: 0, dy: 0, flip: false });
  });
});
